INSERT INTO t VALUES (:n, 5);
UPDATE t SET a = 6 WHERE id = :n;
