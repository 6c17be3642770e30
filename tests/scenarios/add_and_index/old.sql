INSERT INTO t VALUES (:n, 'old :n');
UPDATE t SET a = a || '!' WHERE id = :n;
