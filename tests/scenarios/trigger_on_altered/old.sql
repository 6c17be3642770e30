INSERT INTO t (id, price) VALUES (:n, 5);
