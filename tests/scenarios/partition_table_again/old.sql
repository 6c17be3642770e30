INSERT INTO t (day, note, kind) VALUES ('2025-01-01'::date + :n % 1000, 'w', 'w:n');
UPDATE t SET day = day + 300 WHERE kind = 'w:n';
INSERT INTO s VALUES (:n % 1000000000 + 1000000, :n % 1000) ON CONFLICT DO NOTHING;
UPDATE s SET a = a + 0.01 WHERE id = :n % 1000000000 + 1000000;
SELECT count(*) FROM recent WHERE id = :n;
SELECT * FROM "Later" WHERE id = :n % 700;
