CREATE TABLE t (id bigint PRIMARY KEY, low integer, high integer, CONSTRAINT far CHECK (high < 1000000000));
COMMENT ON COLUMN t.low IS 'kept';
INSERT INTO t SELECT n, n, -n FROM generate_series(1, 200) n;
