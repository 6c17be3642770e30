CREATE TABLE t (id bigint PRIMARY KEY, a varchar(10) COLLATE "C" NOT NULL DEFAULT 'x', b integer) WITH (fillfactor = 90);
COMMENT ON COLUMN t.a IS 'it''s a';
ALTER TABLE t ALTER a SET STATISTICS 250, ALTER a SET (n_distinct = 7), ALTER a SET STORAGE EXTERNAL;
GRANT SELECT (a), UPDATE (a) ON t TO app_reader WITH GRANT OPTION;
GRANT INSERT (a, id) ON t TO app_writer;
GRANT ALL ON t TO app_writer;
INSERT INTO t SELECT n, n, n FROM generate_series(1, 300) n;
