INSERT INTO t VALUES (:n, 'old', 1);
