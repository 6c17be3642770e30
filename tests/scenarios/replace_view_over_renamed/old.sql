INSERT INTO "Kunden" VALUES (:n, 'old');
INSERT INTO orders VALUES (:n, :n, 1);
SELECT 1 / count(*) FROM open_orders WHERE id = :n AND status = 1 AND name = 'old';
SELECT 1 / count(*) FROM names;
