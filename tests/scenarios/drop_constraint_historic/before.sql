CREATE TABLE t (id bigint PRIMARY KEY, a integer CONSTRAINT small CHECK (a < 100));
INSERT INTO t SELECT n, n FROM generate_series(1, 60) n;
