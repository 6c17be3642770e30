INSERT INTO t VALUES (:n, :n, 1, 'y', 3);
UPDATE t SET b = 2, team = 1, c = 'z' WHERE id = :n;
