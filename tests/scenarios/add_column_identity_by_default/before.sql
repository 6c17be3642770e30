CREATE TABLE t (id bigint PRIMARY KEY, name text);
INSERT INTO t SELECT n, 'n' FROM generate_series(1, 200) n;
