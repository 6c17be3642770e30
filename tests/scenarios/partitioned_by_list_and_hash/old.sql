INSERT INTO t VALUES (:n, 'a', 5);
UPDATE t SET kind = 'z', v = 7 WHERE id = :n AND kind = 'a';
