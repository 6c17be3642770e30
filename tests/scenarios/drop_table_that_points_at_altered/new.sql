INSERT INTO t VALUES (:n, 'C' || :n);
DELETE FROM t WHERE id = :n;
