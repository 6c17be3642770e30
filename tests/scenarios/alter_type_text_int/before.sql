CREATE TABLE t (id bigint PRIMARY KEY, v text);
INSERT INTO t SELECT n, CASE WHEN n % 7 = 0 THEN 'none' ELSE n::text END FROM generate_series(1, 300) n;
