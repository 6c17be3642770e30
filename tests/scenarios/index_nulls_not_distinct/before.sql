CREATE TABLE t (id bigint PRIMARY KEY, a integer, b integer);
INSERT INTO t SELECT n, n, NULL FROM generate_series(1, 50) n;
