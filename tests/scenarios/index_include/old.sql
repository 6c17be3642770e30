INSERT INTO t VALUES (:n, 1, 'b', 'c');
