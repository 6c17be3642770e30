INSERT INTO t VALUES ('o' || :n, :n, 'old');
