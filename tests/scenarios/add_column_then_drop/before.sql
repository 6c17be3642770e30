CREATE TABLE t (id bigint PRIMARY KEY, a text);
INSERT INTO t SELECT n, 'a' FROM generate_series(1, 50) n;
