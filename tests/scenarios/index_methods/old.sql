INSERT INTO t (id, n) VALUES (:n, 1);
