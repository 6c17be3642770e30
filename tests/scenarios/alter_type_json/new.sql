INSERT INTO t VALUES (:n, '{"x": 1}', '2');
UPDATE t SET b = b || '3' WHERE id = :n;
