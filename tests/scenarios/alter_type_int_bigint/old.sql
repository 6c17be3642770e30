INSERT INTO t (id) VALUES (:n);
UPDATE t SET n = n + 1 WHERE id = :n;
