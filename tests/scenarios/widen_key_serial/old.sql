INSERT INTO people (name) VALUES ('old');
INSERT INTO people (id, boss, name) VALUES (:n + 500000000, 5, 'old');
INSERT INTO orders VALUES (:n, :n + 500000000, 'old');
INSERT INTO visits VALUES (:n, :n + 500000000);
INSERT INTO cards VALUES (:n, :n + 500000000);
UPDATE people SET boss = 7 WHERE id = :n + 500000000;
DELETE FROM orders WHERE id = :n AND :n % 2 = 0;
DELETE FROM people WHERE id = :n + 500000000 AND :n % 3 = 0;
