INSERT INTO t2 VALUES (:n, 1, 'b', 'c');
