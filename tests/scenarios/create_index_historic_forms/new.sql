INSERT INTO t (id, c) VALUES (:n, 'new');
