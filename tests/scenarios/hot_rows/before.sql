CREATE TABLE t (id bigint PRIMARY KEY, grp integer, a integer);
INSERT INTO t SELECT n, n % 5, n FROM generate_series(1, 500) n;
INSERT INTO t SELECT n, 9, 0 FROM generate_series(2000001, 2000200) n;
