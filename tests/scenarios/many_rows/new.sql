INSERT INTO t VALUES (:n + 1000000, 2, 'new', 3);
UPDATE t SET a = a + 1 WHERE id = 1000000 + :n % 1000;
