INSERT INTO t (id) VALUES (:n);
UPDATE t SET a = NULL WHERE id = :n;
