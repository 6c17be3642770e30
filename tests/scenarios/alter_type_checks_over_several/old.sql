INSERT INTO t VALUES (:n, 1, 2);
UPDATE t SET low = 0, high = 5 WHERE id = :n;
