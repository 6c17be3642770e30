INSERT INTO t VALUES (:n, 'new');
UPDATE t SET name = name || '.' WHERE id = :n;
