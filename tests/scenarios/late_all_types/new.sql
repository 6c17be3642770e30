INSERT INTO t (id, a) VALUES (:n, 'new');
