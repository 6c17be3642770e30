INSERT INTO t VALUES (:n, 'Old');
