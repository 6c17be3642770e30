INSERT INTO t VALUES (:n, 9, 3);
UPDATE t SET low = 20 WHERE id = :n;
