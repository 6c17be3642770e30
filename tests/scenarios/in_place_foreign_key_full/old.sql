INSERT INTO t VALUES (:n, 3, NULL);
UPDATE t SET x = 2, y = 2 WHERE id = :n;
