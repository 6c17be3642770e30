INSERT INTO t (id, renamed, c1499) VALUES (:n, 1, 2);
