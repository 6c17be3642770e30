INSERT INTO t VALUES (:n, 'o', 'o');
