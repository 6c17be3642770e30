INSERT INTO t VALUES (:n, 'new');
UPDATE t SET id = id + 1000000000 WHERE id = :n;
