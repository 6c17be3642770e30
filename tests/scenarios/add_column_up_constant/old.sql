INSERT INTO t VALUES (:n, 'old');
UPDATE t SET a = 'older' WHERE id = :n;
