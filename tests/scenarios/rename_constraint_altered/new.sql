INSERT INTO t VALUES (:n, :n, 1, 1);
UPDATE t SET size = 3, team = 2 WHERE id = :n;
