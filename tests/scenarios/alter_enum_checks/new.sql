INSERT INTO t (id) VALUES (:n);
UPDATE t SET feels = 'so so' WHERE id = :n;
