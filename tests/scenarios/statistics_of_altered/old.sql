INSERT INTO "T" VALUES (:n, 1, 'b', 'c');
