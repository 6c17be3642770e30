CREATE TABLE t (id bigint PRIMARY KEY, n integer NOT NULL DEFAULT 7);
INSERT INTO t SELECT n, n FROM generate_series(1, 300) n;
