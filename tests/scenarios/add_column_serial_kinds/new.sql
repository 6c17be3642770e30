INSERT INTO t (id, s) VALUES (:n, 5);
