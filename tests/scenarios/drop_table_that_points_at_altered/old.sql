INSERT INTO t VALUES (:n, 'c' || :n, 'g' || :n);
INSERT INTO child VALUES (:n, :n, 'c' || :n, 'g' || :n);
INSERT INTO parts VALUES (:n, :n);
