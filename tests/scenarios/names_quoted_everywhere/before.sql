CREATE TABLE "a ""b"" c" (id bigint PRIMARY KEY, "it's" text CONSTRAINT "ch""eck" CHECK ("it's" <> ''''), "Mixed.Dot" integer, "$1" text);
CREATE INDEX "in dex" ON "a ""b"" c" (lower("it's"), "Mixed.Dot");
INSERT INTO "a ""b"" c" SELECT n, 'x', n, 'y' FROM generate_series(1, 50) n;
