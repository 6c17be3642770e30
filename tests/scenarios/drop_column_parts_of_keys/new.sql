INSERT INTO t VALUES (:n, 1, :n);
