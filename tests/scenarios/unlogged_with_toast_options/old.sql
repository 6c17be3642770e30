INSERT INTO t VALUES (:n, 'old and long');
