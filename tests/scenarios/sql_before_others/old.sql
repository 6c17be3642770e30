INSERT INTO t VALUES (:n, 'old');
UPDATE t SET word = 'old, and longer' WHERE id = :n;
