INSERT INTO t (id, new, "order", tg_op) VALUES (:n, 7, 3, 'z');
