CREATE TABLE t (id bigint PRIMARY KEY, a integer, b text);
GRANT SELECT, INSERT (id, a) ON t TO app_writer;
COMMENT ON TABLE t IS 'a table';
COMMENT ON COLUMN t.a IS 'a column';
INSERT INTO t SELECT n, n FROM generate_series(1, 20) n;
