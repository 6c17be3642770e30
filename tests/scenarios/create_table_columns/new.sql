INSERT INTO cities (id, name) VALUES (:n, 'city :n');
UPDATE cities SET inhabitants = 5 WHERE id = :n;
SELECT count(*) FROM cities JOIN countries ON code = country;
