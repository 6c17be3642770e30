CREATE TABLE t (id bigint PRIMARY KEY, a integer);
INSERT INTO t SELECT n, NULLIF(n % 4, 0) FROM generate_series(1, 100) n;
