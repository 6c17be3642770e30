CREATE TABLE t (id bigint, n integer);
INSERT INTO t SELECT n, CASE WHEN n > 9 THEN n END FROM generate_series(1, 100) n;
