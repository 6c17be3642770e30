CREATE TABLE t (id bigint PRIMARY KEY, a integer);
COMMENT ON COLUMN t.a IS 'old words';
INSERT INTO t SELECT n, n FROM generate_series(1, 20) n;
