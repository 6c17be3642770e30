INSERT INTO t VALUES (:n, 500);
UPDATE t SET team = 6 WHERE id = :n;
UPDATE t SET team = 600 WHERE id = :n;
