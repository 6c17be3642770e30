INSERT INTO t (id, c, a, b) VALUES (:n, 1, 'new', :n);
