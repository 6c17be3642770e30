CREATE TABLE t (id bigint PRIMARY KEY, age integer CONSTRAINT grown CHECK (age > 0) CONSTRAINT few UNIQUE, size integer CONSTRAINT sized CHECK (size > 0));
INSERT INTO t SELECT n, n, n FROM generate_series(1, 100) n;
