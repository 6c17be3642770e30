INSERT INTO "Order" (region, note) VALUES ((ARRAY['de', 'fr', 'it', 'es', 'pt'])[1 + :n % 5], 'w:n');
UPDATE "Order" SET region = 'fr', "sel ect" = ARRAY[:n] WHERE note = 'w:n';
UPDATE "Order" SET region = 'es' WHERE note = 'w:n' AND region = 'fr' AND :n % 4 = 0;
DELETE FROM "Order" WHERE note = 'w:n' AND :n % 3 = 0;
