INSERT INTO t VALUES (:n, 'new', 1);
