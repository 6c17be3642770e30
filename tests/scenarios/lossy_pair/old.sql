INSERT INTO t VALUES (:n, 7.25, 'old');
UPDATE t SET note = 'old, noted' WHERE id = :n;
