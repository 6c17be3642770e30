INSERT INTO t VALUES (:n, 'old');
UPDATE t SET name = name || '!' WHERE id = :n;
