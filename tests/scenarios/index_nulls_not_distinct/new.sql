INSERT INTO t VALUES (:n, :n, 1);
