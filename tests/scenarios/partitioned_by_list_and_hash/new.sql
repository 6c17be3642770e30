INSERT INTO t VALUES (:n, 'b', 'v5', 1);
UPDATE t SET kind = 'a' WHERE id = :n AND kind = 'b';
