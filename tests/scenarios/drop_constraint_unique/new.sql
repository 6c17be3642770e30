INSERT INTO t VALUES (:n, 'all the same');
UPDATE t SET address = 'one for all' WHERE id = :n;
