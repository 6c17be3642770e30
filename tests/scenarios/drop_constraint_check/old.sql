INSERT INTO t VALUES (:n, 5);
UPDATE t SET age = 6 WHERE id = :n;
INSERT INTO t (id) VALUES (-:n);
