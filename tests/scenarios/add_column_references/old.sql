INSERT INTO users VALUES (:n);
DELETE FROM users WHERE id = :n;
INSERT INTO teams VALUES (:n);
