CREATE TABLE t (id bigint PRIMARY KEY, mail text CONSTRAINT t_mail UNIQUE);
INSERT INTO t SELECT n, 'mail' || n FROM generate_series(1, 300) n;
