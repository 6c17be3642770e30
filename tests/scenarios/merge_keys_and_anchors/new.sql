INSERT INTO t VALUES (:n, 'a', 'b', 'c');
