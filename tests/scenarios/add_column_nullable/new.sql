INSERT INTO users (id, name, nick) VALUES (:n, 'new', 'n');
UPDATE users SET nick = 'm' WHERE id = :n;
