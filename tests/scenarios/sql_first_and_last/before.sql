CREATE TABLE t (id bigint PRIMARY KEY, n integer);
INSERT INTO t SELECT n, n FROM generate_series(1, 50) n;
