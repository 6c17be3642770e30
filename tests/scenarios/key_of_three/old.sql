INSERT INTO t VALUES (1, 'old' || :n, '2024-02-02', :n, 1);
