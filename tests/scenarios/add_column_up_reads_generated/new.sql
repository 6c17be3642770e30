INSERT INTO t (id, a, four) VALUES (:n, 5, 1);
