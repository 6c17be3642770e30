INSERT INTO t (id, a) VALUES (:n, 5);
UPDATE t SET a = 7 WHERE id = :n;
