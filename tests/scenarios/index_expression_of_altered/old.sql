INSERT INTO t VALUES (:n, 'old');
