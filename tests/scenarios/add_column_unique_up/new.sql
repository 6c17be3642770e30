INSERT INTO t VALUES (:n, 'new', 'mine ' || :n);
