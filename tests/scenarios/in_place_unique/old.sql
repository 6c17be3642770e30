INSERT INTO t VALUES (:n, 'old' || :n, 2);
