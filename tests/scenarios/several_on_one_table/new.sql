INSERT INTO users (id, name, age) VALUES (:n, 'new one', 9);
UPDATE users SET name = 'new two' WHERE id = :n;
UPDATE users SET age = age + 1 WHERE id = :n;
