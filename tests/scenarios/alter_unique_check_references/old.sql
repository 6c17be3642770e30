INSERT INTO t VALUES (:n, 'same', -5, 'z');
UPDATE t SET team = 'b', age = 7 WHERE id = :n;
