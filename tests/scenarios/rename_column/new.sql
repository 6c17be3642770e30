INSERT INTO users (id) VALUES (:n);
UPDATE users SET login = login || '!' WHERE id = :n;
