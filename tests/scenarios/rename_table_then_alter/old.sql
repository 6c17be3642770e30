INSERT INTO users VALUES (:n, '17');
UPDATE users SET age = '18' WHERE id = :n;
