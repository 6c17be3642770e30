INSERT INTO t VALUES (:n, 'meh'::mood), (:n + 1, 'fine');
