INSERT INTO t (id, a) VALUES (:n, 3);
