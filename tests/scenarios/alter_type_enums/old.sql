INSERT INTO t VALUES (:n, 'new', 'closed', 'open');
