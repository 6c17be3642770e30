INSERT INTO t VALUES (:n, 'new new new new new new new', 1);
UPDATE t SET name = 'newer' WHERE id = :n;
