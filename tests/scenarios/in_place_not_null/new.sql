INSERT INTO t VALUES (:n, NULL, 'new');
UPDATE t SET first = 'x' WHERE id = :n;
