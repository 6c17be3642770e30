INSERT INTO t VALUES (:n, 30, 'own');
