ALTER TABLE "a ""b"" c" ALTER "it's" TYPE varchar(20), ADD """new""" text;
UPDATE "a ""b"" c" SET """new""" = "it's" || "Mixed.Dot" || "$1";
COMMENT ON COLUMN "a ""b"" c"."""new""" IS 'it''s "x"';
ALTER TABLE "a ""b"" c" RENAME "Mixed.Dot" TO "a;b--c";
ALTER TABLE "a ""b"" c" RENAME TO "tab/*le";
