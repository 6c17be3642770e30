INSERT INTO t (id, code) VALUES (:n, 'old');
