INSERT INTO t (id, b) VALUES (:n, 2);
