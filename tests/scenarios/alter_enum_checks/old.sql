INSERT INTO t (id) VALUES (:n);
UPDATE t SET feels = 'gone' WHERE id = :n;
