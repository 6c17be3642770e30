INSERT INTO t VALUES (:n, '17');
UPDATE t SET a = '18' WHERE id = :n;
UPDATE t SET a = NULL WHERE id = :n;
