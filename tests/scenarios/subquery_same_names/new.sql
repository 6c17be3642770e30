INSERT INTO t (id, country, town, land, region) VALUES (:n, 'c3', 'x', 'l', 'r');
UPDATE t SET country = 'c4' WHERE id = :n;
