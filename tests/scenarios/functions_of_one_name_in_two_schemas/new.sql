INSERT INTO t VALUES (:n, 'New', 'own');
