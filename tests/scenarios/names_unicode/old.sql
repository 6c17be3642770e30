INSERT INTO "таблица" VALUES (:n, 'я', 5, 6);
