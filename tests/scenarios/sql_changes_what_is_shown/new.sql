INSERT INTO t VALUES (:n, 1, 'extra');
INSERT INTO more VALUES (:n);
