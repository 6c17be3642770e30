INSERT INTO t VALUES (:n, repeat('new', 3000), 1, 'own');
