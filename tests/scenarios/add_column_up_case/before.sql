CREATE TABLE t (id bigint PRIMARY KEY, points integer);
INSERT INTO t SELECT n, NULLIF(n % 40, 3) FROM generate_series(1, 200) n;
