CREATE TABLE t (id bigint PRIMARY KEY, a integer, b text, c text);
INSERT INTO t SELECT n, n % 10, 'b' || n % 10, 'c' FROM generate_series(1, 100) n;
