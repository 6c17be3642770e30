INSERT INTO t (id, a, b) VALUES (:n, 'z', 5);
UPDATE t SET b = b + 1 WHERE id = :n;
