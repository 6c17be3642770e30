INSERT INTO u VALUES (:n, 2, 7, 'y');
UPDATE u SET no = 8 WHERE id = :n;
