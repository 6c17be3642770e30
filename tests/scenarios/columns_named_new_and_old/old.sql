INSERT INTO t VALUES (:n, 1, 2, 'y', false, 't');
UPDATE t SET old = 5, new = 6 WHERE id = :n;
