INSERT INTO t (id, price, doubled) VALUES (:n, 5, '7');
