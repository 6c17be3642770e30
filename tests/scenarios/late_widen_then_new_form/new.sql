INSERT INTO t VALUES (:n, 'new');
