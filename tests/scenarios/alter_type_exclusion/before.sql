CREATE TABLE t (id bigint PRIMARY KEY, room text, span int4range, n integer, CONSTRAINT "no two" EXCLUDE USING gist (span WITH &&, int4range(n, n + 1) WITH =) WITH (fillfactor = 80) WHERE (room <> 'hall') DEFERRABLE INITIALLY DEFERRED);
ALTER TABLE t ADD CONSTRAINT once EXCLUDE (n WITH =, lower(room) WITH =);
COMMENT ON CONSTRAINT "no two" ON t IS 'it''s one';
COMMENT ON INDEX once IS 'by tree';
INSERT INTO t SELECT n, 'r' || n % 9, int4range(n, n + 3), n FROM generate_series(1, 300) n;
