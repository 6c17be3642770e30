INSERT INTO t VALUES (:n, 1, 10);
UPDATE t SET low = low + 1 WHERE id = :n;
