INSERT INTO t VALUES (:n, 3, NULL);
UPDATE t SET n = 9, at = 15 WHERE id = :n AND at = 3;
