INSERT INTO t VALUES ('N' || :n, :n, 'new');
