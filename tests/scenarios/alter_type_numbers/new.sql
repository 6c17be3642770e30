INSERT INTO t VALUES (:n, 0.5, 2, 'new', '1010');
