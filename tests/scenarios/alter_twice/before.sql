CREATE TABLE t (id bigint PRIMARY KEY, a text);
INSERT INTO t SELECT n, n::text FROM generate_series(1, 300) n;
