INSERT INTO t VALUES (:n, 'xx', 'Nowhere');
UPDATE t SET country = 'fr', city = 'Lyon' WHERE id = :n;
UPDATE t SET city = 'Ulm' WHERE id = :n;
