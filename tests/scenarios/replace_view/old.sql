INSERT INTO users VALUES (:n, 'old', 'one', 30);
SELECT 1 / count(*) FROM people WHERE name = 'old one';
SELECT 1 / count(*) FROM names WHERE name = 'old one';
