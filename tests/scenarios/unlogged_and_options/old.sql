INSERT INTO t VALUES (:n, 'o', 3);
UPDATE t SET b = 4 WHERE id = :n;
