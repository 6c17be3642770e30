CREATE TABLE t (id bigint PRIMARY KEY, a integer);
CREATE INDEX gone ON t (a);
CREATE INDEX kept ON t (a DESC);
INSERT INTO t SELECT n, n FROM generate_series(1, 60) n;
