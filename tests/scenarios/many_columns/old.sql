INSERT INTO t (id, c1, c1499) VALUES (:n, 1, 2);
UPDATE t SET c700 = 5 WHERE id = :n;
