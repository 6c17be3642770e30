INSERT INTO t VALUES (:n, 'NaN', now(), 'NaN', NULL);
UPDATE t SET f = 'NaN', n = 5.50 WHERE id = :n;
