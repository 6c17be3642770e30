INSERT INTO child VALUES (:n, 7, NULL);
INSERT INTO t VALUES (:n, 'old' || :n, 5);
UPDATE child SET t = :n, code = 'old' || :n WHERE id = :n;
UPDATE child SET code = NULL WHERE id = :n AND :n % 3 = 0;
DELETE FROM t WHERE id = :n AND :n % 3 = 0;
