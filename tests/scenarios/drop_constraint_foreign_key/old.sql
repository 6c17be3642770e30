INSERT INTO t VALUES (:n, 5);
UPDATE t SET team = 6 WHERE id = :n;
