INSERT INTO t (id, a) VALUES (:n, 'old');
