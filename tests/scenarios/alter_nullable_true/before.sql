CREATE TABLE t (id bigint PRIMARY KEY, name text NOT NULL);
INSERT INTO t SELECT n, 'n' || n FROM generate_series(1, 300) n;
