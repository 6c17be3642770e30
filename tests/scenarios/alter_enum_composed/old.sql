INSERT INTO t VALUES (:n, 'gone'::mood, 'gone', 'ok', 'small');
UPDATE t SET feels = NULL, was = 'sad' WHERE id = :n;
