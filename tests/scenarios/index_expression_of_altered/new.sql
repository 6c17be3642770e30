INSERT INTO t VALUES (:n, 'new, and longer than before');
