INSERT INTO t VALUES (:n, 'new', 'N', (1, 'b'));
