INSERT INTO t VALUES (:n, 'c1');
UPDATE t SET country = 'c2' WHERE id = :n;
