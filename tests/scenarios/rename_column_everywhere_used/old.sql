INSERT INTO t VALUES (:n, 1);
UPDATE t SET key = 2 WHERE id = :n;
