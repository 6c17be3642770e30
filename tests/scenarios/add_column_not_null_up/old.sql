INSERT INTO users VALUES (:n, 'o', NULL);
UPDATE users SET last_name = 'p' WHERE id = :n;
