INSERT INTO t (id) VALUES (:n);
UPDATE t SET amount = amount + 1 WHERE id = :n;
UPDATE t SET other = 'old' WHERE id = :n;
