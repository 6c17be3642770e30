INSERT INTO t VALUES (:n, '{"x":  1}', '2');
UPDATE t SET a = '{"y":1}' WHERE id = :n;
