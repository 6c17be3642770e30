CREATE TABLE "Order ""Items""" ("Id" bigint PRIMARY KEY, "it's" text, "a b" text, """" text);
CREATE INDEX "Index; --" ON "Order ""Items""" ("it's");
INSERT INTO "Order ""Items""" SELECT n, n::text, 'x', 'q' FROM generate_series(1, 100) n;
