INSERT INTO t VALUES (:n, 3, 9);
UPDATE t SET low = 20, high = 30 WHERE id = :n;
