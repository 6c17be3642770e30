INSERT INTO t VALUES (:n + 1000000, 1, 'old');
UPDATE t SET a = a + 1 WHERE id = 1000000 + :n % 1000;
UPDATE t SET body = body || 'z' WHERE id = 1000000 + (:n + 7) % 1000;
DELETE FROM t WHERE id = :n + 1000000 AND random() < 0.5;
