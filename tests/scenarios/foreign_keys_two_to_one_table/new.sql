INSERT INTO t VALUES (:n, 1, 2, 'c3');
