INSERT INTO "表" VALUES (:n, 'я', 6, 7, 'g');
