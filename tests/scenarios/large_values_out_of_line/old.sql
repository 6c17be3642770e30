INSERT INTO t VALUES (:n, repeat('old', 3000), 1);
UPDATE t SET doc = doc || '!' WHERE id = :n;
