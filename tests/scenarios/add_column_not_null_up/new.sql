INSERT INTO users VALUES (:n, 'new', 'n', 'mine');
UPDATE users SET full_name = 'mine alone' WHERE id = :n;
