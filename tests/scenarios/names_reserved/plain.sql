ALTER TABLE "user" ALTER "order" TYPE bigint USING "order" + 1, ADD new text, ADD old integer;
UPDATE "user" SET new = "end" || "select";
ALTER TABLE "user" DROP "select";
ALTER TABLE "user" RENAME TO "table";
