INSERT INTO t VALUES (:n, 'o');
UPDATE t SET name = '  spaced  ' WHERE id = :n;
