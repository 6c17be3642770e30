CREATE TABLE t (id bigint PRIMARY KEY, n integer CONSTRAINT small CHECK (n < 100));
INSERT INTO t SELECT n, n FROM generate_series(1, 99) n;
