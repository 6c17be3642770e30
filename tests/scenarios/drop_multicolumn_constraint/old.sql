INSERT INTO t VALUES (:n, 1, 2, 'fr', 'Lyon');
UPDATE t SET low = 3, high = 4, country = 'de', city = 'Ulm' WHERE id = :n;
UPDATE t SET country = NULL WHERE id = :n;
