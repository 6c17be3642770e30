INSERT INTO docs VALUES (:n, 'old :n', '{"b": 2}', '{z}', 70);
UPDATE docs SET at = 71 WHERE id = :n;
