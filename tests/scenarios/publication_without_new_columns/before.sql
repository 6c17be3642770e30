CREATE TABLE t (id bigint PRIMARY KEY, a varchar(9) NOT NULL, b integer);
INSERT INTO t SELECT n, n, n FROM generate_series(1, 100) n;
CREATE PUBLICATION some_of FOR TABLE t;
