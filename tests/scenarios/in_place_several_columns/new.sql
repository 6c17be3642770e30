INSERT INTO t VALUES (:n, 1, 2, 1);
UPDATE t SET high = 5 WHERE id = :n;
