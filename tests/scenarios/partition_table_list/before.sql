CREATE TABLE "Order" (region text NOT NULL, "no" serial, "sel ect" integer[] DEFAULT '{}', note varchar(40), PRIMARY KEY (region, "no"), UNIQUE (note, region));
ALTER TABLE "Order" REPLICA IDENTITY FULL;
ALTER TABLE "Order" ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON "Order" USING (true) WITH CHECK (note <> 'x');
INSERT INTO "Order" (region, "no", note) SELECT (ARRAY['de', 'fr', 'it', 'es'])[1 + n % 4], n, 'n' || n FROM generate_series(1, 3000) n;
SELECT setval('"Order_no_seq"', 1000000);
