INSERT INTO t VALUES (:n, 70);
UPDATE t SET a = a + 10 WHERE id = :n;
