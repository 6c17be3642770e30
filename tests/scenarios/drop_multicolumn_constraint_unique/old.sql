INSERT INTO t VALUES (:n, 2, :n, 'y');
UPDATE t SET shop = 3 WHERE id = :n;
