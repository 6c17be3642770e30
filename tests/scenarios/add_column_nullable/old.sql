INSERT INTO users VALUES (:n, 'old');
UPDATE users SET name = 'older' WHERE id = :n;
