INSERT INTO t (id, label) VALUES (:n, 'old');
