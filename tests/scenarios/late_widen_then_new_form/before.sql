CREATE TABLE t (id bigint PRIMARY KEY, name varchar(5));
INSERT INTO t SELECT n, 'n' || n FROM generate_series(1, 100) n;
