INSERT INTO t VALUES (:n, 1, 2);
UPDATE t SET high = 6 WHERE id = :n;
