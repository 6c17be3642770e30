INSERT INTO parties (name) VALUES ('new');
INSERT INTO parties VALUES (:n + 500000000, 'new');
INSERT INTO humans VALUES (:n + 500000000, '2001-01-01');
INSERT INTO pets (id, owner, second, tag) VALUES (:n, :n + 500000000, 5, 't');
UPDATE pets SET owner = 6, second = :n + 500000000 WHERE id = :n;
DELETE FROM parties WHERE id = :n + 500000000 AND :n % 2 = 0;
