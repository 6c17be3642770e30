INSERT INTO users (id, name) VALUES (:n, 'old');
UPDATE users SET name = name || '!' WHERE id = :n;
