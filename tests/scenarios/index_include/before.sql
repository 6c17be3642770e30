CREATE TABLE t (id bigint PRIMARY KEY, a integer, b text, c text);
INSERT INTO t SELECT n, n, n, n FROM generate_series(1, 200) n;
