INSERT INTO t VALUES (:n, '1.5', now(), '2.0', '');
