INSERT INTO t VALUES (:n, 'a', 5);
