INSERT INTO t VALUES (:n, 'new' || :n, 2);
