INSERT INTO t VALUES (:n, 2, 1, 'it', 'Rom');
UPDATE t SET low = 9, high = 3 WHERE id = :n;
UPDATE t SET high = 1, country = 'it' WHERE id = :n;
