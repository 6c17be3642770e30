INSERT INTO users (id, full_name, age, first_name) VALUES (:n, 'n m', '9', 'n');
INSERT INTO posts VALUES (:n, :n);
UPDATE users SET age = '-1' WHERE id = :n;
DELETE FROM users WHERE id = :n AND random() < 0.5;
