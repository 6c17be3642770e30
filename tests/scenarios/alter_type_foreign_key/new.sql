INSERT INTO t VALUES (:n, 5);
UPDATE t SET parent = 6 WHERE id = :n;
INSERT INTO parents VALUES (1000 + :n % 20000) ON CONFLICT DO NOTHING;
UPDATE t SET parent = (SELECT id FROM parents WHERE id = 1000 + :n % 20000) WHERE id = :n;
DELETE FROM parents WHERE id = 1000 + :n % 20000;
