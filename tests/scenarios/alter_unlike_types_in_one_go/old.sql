INSERT INTO t (id, a, f) VALUES (:n, '(1,2)', 'old');
