CREATE TABLE t (shop integer, number bigint, note text);
INSERT INTO t SELECT CASE WHEN n > 5 THEN 1 END, n, 'x' FROM generate_series(1, 200) n;
