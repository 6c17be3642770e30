INSERT INTO docs VALUES (:n, 'new :n', '{"b": 2}', '{z}', 70);
