INSERT INTO docs VALUES (:n, '{"b":  2}', 'p');
UPDATE docs SET tags = 'p,q', sizes = sizes || 3 WHERE id = :n;
UPDATE docs SET body = '[]' WHERE id = :n;
