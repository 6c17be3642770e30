INSERT INTO t VALUES (:n, 'a new and longer', 1);
