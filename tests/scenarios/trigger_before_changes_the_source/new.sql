INSERT INTO t VALUES (:n, 'New@X.Y', 'own');
