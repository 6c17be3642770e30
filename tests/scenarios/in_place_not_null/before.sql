CREATE TABLE t (id bigint PRIMARY KEY, first text, name text);
INSERT INTO t SELECT n, 'f' || n, CASE WHEN n % 3 > 0 THEN 'name ' || n END FROM generate_series(1, 300) n;
