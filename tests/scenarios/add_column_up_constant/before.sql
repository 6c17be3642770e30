CREATE TABLE t (id bigint PRIMARY KEY, a text);
INSERT INTO t SELECT n, 'a' || n FROM generate_series(1, 500) n;
