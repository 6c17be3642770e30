INSERT INTO t VALUES (:n, 'none');
UPDATE t SET v = '12' WHERE id = :n;
