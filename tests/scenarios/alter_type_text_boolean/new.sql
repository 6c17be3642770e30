INSERT INTO t (id) VALUES (:n);
UPDATE t SET active = NOT active WHERE id = :n;
