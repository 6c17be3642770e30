CREATE TABLE "таблица" (id bigint PRIMARY KEY, "имя" text, "数" integer, "naïve😀" integer);
INSERT INTO "таблица" SELECT n, 'и', n, n FROM generate_series(1, 50) n;
