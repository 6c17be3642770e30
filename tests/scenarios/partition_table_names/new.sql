INSERT INTO "Ereignis – alle Vorgänge, die je im Leben vorkamen ""so"" (x)y" ("select", "%s") VALUES (:n % 9, 'w:n');
UPDATE "Ereignis – alle Vorgänge, die je im Leben vorkamen ""so"" (x)y" SET "select" = ("select" + 1) % 9 WHERE "%s" = 'w:n';
SELECT count(*) FROM "Das 'View'";
