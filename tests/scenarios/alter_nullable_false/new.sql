INSERT INTO t VALUES (:n, 'new');
UPDATE t SET name = 'newer' WHERE id = :n;
