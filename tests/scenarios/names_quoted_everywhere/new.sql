INSERT INTO "tab/*le" (id, "it's", "a;b--c") VALUES (:n, 'new', 1);
