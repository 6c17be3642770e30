INSERT INTO t VALUES (:n, NULL);
UPDATE t SET nick = 'new' WHERE id = :n;
UPDATE t SET nick = NULL WHERE id = :n;
