INSERT INTO u VALUES (:n, 'mail:n', 1, 'b', 2);
UPDATE u SET age = 8 WHERE id = :n;
