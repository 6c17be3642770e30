INSERT INTO child VALUES (:n, 7, NULL);
INSERT INTO t VALUES (:n, 'new' || :n, 5);
UPDATE child SET t = :n, code = 'new' || :n WHERE id = :n;
UPDATE child SET code = NULL WHERE id = :n AND :n % 3 = 0;
DELETE FROM t WHERE id = :n AND :n % 3 = 0;
