INSERT INTO t VALUES (:n, 'ok'::mood, 'old');
