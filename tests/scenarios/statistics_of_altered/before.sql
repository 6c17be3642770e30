CREATE TABLE "T" (id bigint PRIMARY KEY, a integer, "B" text, c text);
CREATE STATISTICS "S one" (ndistinct, mcv) ON a, "B" FROM "T";
COMMENT ON STATISTICS "S one" IS 'it''s kept';
ALTER STATISTICS "S one" SET STATISTICS 300;
CREATE STATISTICS of_expression ON c, (lower("B") || c) FROM "T";
INSERT INTO "T" SELECT n, n % 10, 'b' || n % 10, 'c' FROM generate_series(1, 200) n;
