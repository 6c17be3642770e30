INSERT INTO t VALUES (:n, 'de', 'Ulm');
INSERT INTO offices VALUES ('new', ':n');
UPDATE t SET country = 'new', city = ':n' WHERE id = :n;
DELETE FROM offices WHERE of_country = 'new' AND of_city = ':n';
