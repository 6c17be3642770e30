INSERT INTO t VALUES (:n, 3, 'old');
UPDATE t SET age = 2, note = 'older' WHERE id = :n;
