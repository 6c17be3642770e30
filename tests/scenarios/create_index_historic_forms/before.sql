CREATE TABLE t (id bigint PRIMARY KEY, a integer, b text);
INSERT INTO t SELECT n, n, n FROM generate_series(1, 60) n;
