INSERT INTO t VALUES (:n, 1, 2, 3, NULL, -5, 6, 7, 8);
