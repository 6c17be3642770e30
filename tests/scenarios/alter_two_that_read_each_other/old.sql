INSERT INTO t VALUES (:n, 1, 2);
UPDATE t SET a = 5 WHERE id = :n;
UPDATE t SET b = 7 WHERE id = :n;
