INSERT INTO "items\'" ("Id", "it's", "New; Column") VALUES (:n, 5, 'b');
UPDATE "items\'" SET "%s$1{}" = '6', "New; Column" = 'c' WHERE "Id" = :n;
