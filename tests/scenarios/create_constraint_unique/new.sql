INSERT INTO t VALUES (:n, 1, 'new-:n', 'x');
UPDATE t SET shop = 2 WHERE id = :n;
