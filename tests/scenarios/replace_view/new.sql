INSERT INTO users VALUES (:n, 'new', 'two', 70);
SELECT 1 / count(*) FROM people WHERE name = 'TWO' AND retired;
SELECT 1 / count(*) FROM adults WHERE name = 'TWO';
SELECT 1 / count(*) FROM names WHERE name = 'TWO' AND "In" = 'T';
