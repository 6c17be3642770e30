INSERT INTO t VALUES (:n, 5);
UPDATE t SET points = 15 WHERE id = :n;
