INSERT INTO parties (name) VALUES ('old');
INSERT INTO parties VALUES (:n + 500000000, 'old');
INSERT INTO persons VALUES (:n + 500000000, '2001-01-01');
INSERT INTO pets VALUES (:n, :n + 500000000, 5);
UPDATE pets SET owner = 6, second = :n + 500000000 WHERE id = :n;
DELETE FROM parties WHERE id = :n + 500000000 AND :n % 2 = 0;
