INSERT INTO t (id, c2, c4, seven) VALUES (:n, '2', 4, 7);
