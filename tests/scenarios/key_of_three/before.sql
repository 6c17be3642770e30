CREATE TABLE t (a integer, b text, c date, id bigint, v integer, PRIMARY KEY (c, a, b));
INSERT INTO t SELECT n % 7, 'b' || n, '2024-01-01', n, n FROM generate_series(1, 200) n;
