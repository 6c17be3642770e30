INSERT INTO t VALUES (:n, 2, 3, 6);
UPDATE t SET price = 4 WHERE id = :n;
UPDATE t SET qty = 5 WHERE id = :n;
