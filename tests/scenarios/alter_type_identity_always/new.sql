INSERT INTO t (name) VALUES ('new');
