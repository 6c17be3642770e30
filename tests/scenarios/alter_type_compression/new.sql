INSERT INTO t VALUES (:n, 'N', 'n');
