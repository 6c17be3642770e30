INSERT INTO t VALUES (:n, 1);
UPDATE t SET a = 2 WHERE id = :n;
