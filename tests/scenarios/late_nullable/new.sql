INSERT INTO t VALUES (:n, 1, 'c');
