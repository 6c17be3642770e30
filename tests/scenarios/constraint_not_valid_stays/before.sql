CREATE TABLE t (id bigint PRIMARY KEY, a integer, b text);
INSERT INTO t SELECT n, n, 'b' FROM generate_series(1, 300) n;
ALTER TABLE t ADD CONSTRAINT some_a CHECK (a IS NOT NULL);
CREATE VIEW seen AS SELECT id, b FROM t;
GRANT SELECT ON seen TO app_reader;
