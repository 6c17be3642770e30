INSERT INTO t VALUES (:n, NULL);
UPDATE t SET name = 'new' WHERE id = :n;
UPDATE t SET name = NULL WHERE id = :n;
