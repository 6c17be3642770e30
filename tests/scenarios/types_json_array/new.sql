INSERT INTO docs VALUES (:n, '{"b": 2}', '{p}');
UPDATE docs SET tags = tags || 'r'::text WHERE id = :n;
