INSERT INTO "a ""b"" c" VALUES (:n, 'old', 1, 'z');
