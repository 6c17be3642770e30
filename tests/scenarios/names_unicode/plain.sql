ALTER TABLE "таблица" ALTER "数" TYPE bigint USING "数" + 1, ADD "größe" text;
UPDATE "таблица" SET "größe" = "имя" || 'ß😀';
ALTER TABLE "таблица" RENAME "naïve😀" TO "Ünïcode";
ALTER TABLE "таблица" RENAME TO "表";
