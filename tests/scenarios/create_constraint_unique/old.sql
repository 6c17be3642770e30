INSERT INTO t VALUES (:n, 1, 'same', 'x');
INSERT INTO t (id, number) VALUES (-:n, 'same');
UPDATE t SET shop = 2, number = 'other' WHERE id = :n;
UPDATE t SET number = 'same' WHERE id = 1 + :n % 300;
