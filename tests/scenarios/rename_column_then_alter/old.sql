INSERT INTO t VALUES (:n, '17', 'x');
UPDATE t SET a = '18', x = 'y' WHERE id = :n;
