INSERT INTO t VALUES (:n, 5, 7);
UPDATE t SET "A b" = 6 WHERE id = :n;
INSERT INTO p VALUES (:n, 1, 4);
