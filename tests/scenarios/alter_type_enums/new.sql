INSERT INTO t VALUES (:n, 'open', 'closed', 'any');
