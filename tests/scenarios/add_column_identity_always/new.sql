INSERT INTO t (id, name) VALUES (:n, 'new');
