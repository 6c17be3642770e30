INSERT INTO t VALUES (:n, 1, 'new' || :n, 'c');
