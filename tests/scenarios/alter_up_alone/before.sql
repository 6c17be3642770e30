CREATE TABLE t (id bigint PRIMARY KEY, phone text);
INSERT INTO t SELECT n, '0 ' || n FROM generate_series(1, 100) n;
