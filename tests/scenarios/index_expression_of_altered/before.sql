CREATE TABLE t (id bigint PRIMARY KEY, name varchar(9));
INSERT INTO t SELECT n, 'Name' || n FROM generate_series(1, 200) n;
