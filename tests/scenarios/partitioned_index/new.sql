INSERT INTO t VALUES (:n, 'z', 5);
