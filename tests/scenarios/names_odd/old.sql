INSERT INTO "Order ""Items""" VALUES (:n, '5', 'b', NULL);
UPDATE "Order ""Items""" SET "it's" = '6', "a b" = 'c' WHERE "Id" = :n;
