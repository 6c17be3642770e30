INSERT INTO t VALUES (:n, 'closed');
