CREATE TABLE t (id bigint PRIMARY KEY, c1 int, c2 int, c3 int, c4 int, c5 int, c6 int, c7 int, c8 int);
INSERT INTO t SELECT n, n, n, n, n, n, n, n, n FROM generate_series(1, 100) n;
