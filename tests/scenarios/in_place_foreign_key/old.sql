INSERT INTO t VALUES (:n, 9, 'old');
UPDATE t SET team = 2 WHERE id = :n;
