INSERT INTO t VALUES (:n, 'mine:n', 5, 'a');
UPDATE t SET team = NULL WHERE id = :n;
