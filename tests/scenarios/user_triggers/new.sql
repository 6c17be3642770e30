INSERT INTO t (id, name, loud) VALUES (:n, 'n', 'MINE');
