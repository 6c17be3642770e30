INSERT INTO t VALUES (:n, 2, 'new one');
