INSERT INTO goods VALUES (:n, 5, 10);
UPDATE goods SET gross = 11 WHERE id = :n;
