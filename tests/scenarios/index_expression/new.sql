INSERT INTO t VALUES (:n, 'New');
UPDATE t SET mail = 'Newer' WHERE id = :n;
