ALTER TABLE "Order ""Items""" RENAME TO "items\'";
ALTER TABLE "items\'" ALTER "it's" TYPE integer USING "it's"::integer, ADD "New; Column" text;
UPDATE "items\'" SET "New; Column" = coalesce("a b", '') || '"a b"';
ALTER TABLE "items\'" ALTER "New; Column" SET NOT NULL, ADD CONSTRAINT "The Check" CHECK ("New; Column" <> '');
ALTER TABLE "items\'" RENAME """" TO "%s$1{}";
