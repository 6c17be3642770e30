INSERT INTO t VALUES (:n, 'old', 'one', 1);
