INSERT INTO t VALUES (:n, 'n', 'n');
