INSERT INTO t VALUES (:n, 1, 'new');
UPDATE t SET team = NULL WHERE id = :n;
