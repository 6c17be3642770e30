CREATE TABLE t (id bigint PRIMARY KEY, low integer, high integer);
INSERT INTO t SELECT n, n, 100 - n FROM generate_series(1, 99) n;
