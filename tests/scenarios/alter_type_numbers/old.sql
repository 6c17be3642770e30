INSERT INTO t VALUES (:n, 0.5, 1.75, 'old', '1010');
