CREATE TABLE t (id bigint PRIMARY KEY, a integer, b integer, CONSTRAINT once UNIQUE (a, b) DEFERRABLE INITIALLY DEFERRED, CONSTRAINT held UNIQUE (b) INCLUDE (a));
COMMENT ON CONSTRAINT once ON t IS 'each once';
INSERT INTO t SELECT n, n, n FROM generate_series(1, 200) n;
