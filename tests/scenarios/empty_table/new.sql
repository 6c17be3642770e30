INSERT INTO t VALUES (:n, 5, ':n');
DELETE FROM t WHERE id = :n;
