INSERT INTO t VALUES (:n, -3, 1, 4);
UPDATE t SET age = -4, size = 2 WHERE id = :n;
