INSERT INTO t VALUES (:n, 5);
UPDATE t SET n = 6 WHERE id = :n;
