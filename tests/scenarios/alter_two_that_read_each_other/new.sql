INSERT INTO t VALUES (:n, 3, 2);
UPDATE t SET b = 8 WHERE id = :n;
