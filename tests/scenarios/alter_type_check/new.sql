INSERT INTO t VALUES (:n, 0.5, 10);
UPDATE t SET low = 1.5 WHERE id = :n;
