INSERT INTO t VALUES (:n, 500, 'new', 2);
