INSERT INTO users (id, full_name, age, first) VALUES (:n, 'o p', NULL, 'o');
UPDATE users SET age = 7 WHERE id = :n;
INSERT INTO posts VALUES (:n, :n);
DELETE FROM users WHERE id = :n AND random() < 0.5;
