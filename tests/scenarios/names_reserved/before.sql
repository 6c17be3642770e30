CREATE TABLE "user" (id bigint PRIMARY KEY, "order" integer, "select" text, "end" text);
INSERT INTO "user" SELECT n, n, 'x', 'y' FROM generate_series(1, 100) n;
