INSERT INTO t VALUES (:n, :n, 1);
UPDATE t SET size = 2 WHERE id = :n;
