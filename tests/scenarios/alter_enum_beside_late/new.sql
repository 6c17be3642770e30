INSERT INTO t VALUES (:n, 'sad'::mood, 'new');
