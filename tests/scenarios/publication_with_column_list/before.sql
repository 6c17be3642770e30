CREATE TABLE t (id bigint PRIMARY KEY, a integer, b text);
INSERT INTO t SELECT n, n, n FROM generate_series(1, 100) n;
CREATE PUBLICATION some_of FOR TABLE t (id, a) WHERE (id > 0);
