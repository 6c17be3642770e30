INSERT INTO users VALUES (:n, 'old', 'one', '7', 'j');
UPDATE users SET last_name = 'two' WHERE id = :n;
UPDATE users SET age = '8' WHERE id = :n;
