CREATE TABLE t (id bigint PRIMARY KEY, nick text NOT NULL, CONSTRAINT t_nick UNIQUE (nick, id));
INSERT INTO t SELECT n, 'n' || n FROM generate_series(1, 100) n;
