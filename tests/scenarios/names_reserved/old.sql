INSERT INTO "user" VALUES (:n, 1, 's', 'e');
UPDATE "user" SET "order" = 5, "end" = 'f' WHERE id = :n;
