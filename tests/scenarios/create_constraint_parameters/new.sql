INSERT INTO t VALUES (:n, :n, 1, 'y', NULL);
UPDATE t SET bb = 2, team = 1, c = 'z' WHERE id = :n;
