INSERT INTO t VALUES (1, 'new' || :n || '!', '2024-02-02', :n, 1);
UPDATE t SET v = v + 1 WHERE id = :n;
