INSERT INTO "table" (id, "order", "end", new) VALUES (:n, 1, 'e', 'n');
UPDATE "table" SET "order" = 7 WHERE id = :n;
