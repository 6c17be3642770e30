INSERT INTO t VALUES (:n, 1, 1, :n);
