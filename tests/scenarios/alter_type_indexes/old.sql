INSERT INTO t VALUES (:n, 'old', 1);
UPDATE t SET name = 'older' WHERE id = :n;
