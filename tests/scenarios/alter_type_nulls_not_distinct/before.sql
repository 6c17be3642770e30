CREATE TABLE t (id bigint PRIMARY KEY, a integer, b integer, CONSTRAINT once UNIQUE NULLS NOT DISTINCT (a, b));
INSERT INTO t SELECT n, n, NULL FROM generate_series(1, 200) n;
