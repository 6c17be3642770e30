INSERT INTO t VALUES (:n, :n, 'p');
UPDATE t SET code = -code WHERE id = :n;
