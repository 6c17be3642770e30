INSERT INTO t VALUES (:n, 'new');
INSERT INTO child VALUES (:n, 1, :n), (:n, 2, :n);
