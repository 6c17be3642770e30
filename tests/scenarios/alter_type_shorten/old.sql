INSERT INTO t VALUES (:n, 'a rather long name of the old version');
