CREATE TABLE t (id bigint PRIMARY KEY, a integer, b integer, c integer);
CREATE STATISTICS s (ndistinct, dependencies) ON a, b FROM t;
COMMENT ON STATISTICS s IS 'kept';
INSERT INTO t SELECT n, n, n, n FROM generate_series(1, 60) n;
