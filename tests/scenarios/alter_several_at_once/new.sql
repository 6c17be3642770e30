INSERT INTO t (id) VALUES (:n);
UPDATE t SET price = price + 1 WHERE id = :n;
