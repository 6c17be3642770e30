INSERT INTO t VALUES (:n, 'new');
UPDATE t SET id = -id WHERE id = :n;
