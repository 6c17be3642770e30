INSERT INTO t (id) VALUES (:n);
UPDATE t SET price = '7.5' WHERE id = :n;
