INSERT INTO t VALUES (:n, 'old', '{1}');
UPDATE t SET list = list || 5 WHERE id = :n;
