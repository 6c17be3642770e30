CREATE TABLE t (id bigint PRIMARY KEY, a text COLLATE "C" DEFAULT 'x', b text);
ALTER TABLE t ALTER a SET STORAGE EXTERNAL, ALTER a SET STATISTICS 77, ALTER a SET (n_distinct = 5);
GRANT SELECT (a), UPDATE (a) ON t TO app_reader;
GRANT INSERT (a, id) ON t TO app_writer WITH GRANT OPTION;
COMMENT ON COLUMN t.a IS 'kept';
INSERT INTO t SELECT n, 'a' || n FROM generate_series(1, 100) n;
