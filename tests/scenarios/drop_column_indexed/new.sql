INSERT INTO users VALUES (:n, 1);
DELETE FROM users WHERE id = :n;
