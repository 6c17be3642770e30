INSERT INTO t (id) VALUES (:n);
UPDATE t SET amount = amount * 2 WHERE id = :n;
