INSERT INTO t VALUES (:n, 'old', NULL);
UPDATE t SET name = NULL WHERE id = :n;
