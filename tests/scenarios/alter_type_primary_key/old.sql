INSERT INTO t VALUES (:n, 'old');
UPDATE t SET name = 'older' WHERE id = :n;
DELETE FROM t WHERE id = :n AND random() < 0.5;
