INSERT INTO t VALUES (:n, 'ok'::mood), (:n + 1, 'sad');
