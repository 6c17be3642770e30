INSERT INTO t VALUES (:n, 30, 'new');
UPDATE t SET age = NULL WHERE id = :n;
