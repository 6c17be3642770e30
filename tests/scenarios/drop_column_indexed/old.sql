INSERT INTO users VALUES (:n, :n, 1, 1);
DELETE FROM users WHERE id = :n;
