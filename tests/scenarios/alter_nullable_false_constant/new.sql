INSERT INTO t (id) VALUES (:n);
UPDATE t SET a = 0 WHERE id = :n;
