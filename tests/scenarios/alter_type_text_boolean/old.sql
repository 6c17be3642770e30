INSERT INTO t (id) VALUES (:n);
UPDATE t SET active = 'yes' WHERE id = :n;
