INSERT INTO people VALUES (:n, 'nowhere', 1);
UPDATE people SET address = 'a@b' WHERE id = :n;
