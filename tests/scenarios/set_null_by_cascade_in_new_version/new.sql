INSERT INTO t VALUES (:n, 3, 1, true);
