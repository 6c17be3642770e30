INSERT INTO t (name) VALUES ('old');
