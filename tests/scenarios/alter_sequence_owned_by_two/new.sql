INSERT INTO t (label) VALUES ('new');
