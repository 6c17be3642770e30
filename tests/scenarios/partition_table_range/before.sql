CREATE TABLE accounts (id integer PRIMARY KEY, name text);
INSERT INTO accounts SELECT n, 'a' || n FROM generate_series(1, 50) n;
CREATE TABLE notes (event bigint, note text);
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.kind = 'noted' THEN INSERT INTO notes VALUES (NEW.id, 'n'); END IF; RETURN NULL; END $$;
CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY (START 1000000), account integer NOT NULL REFERENCES accounts ON DELETE CASCADE DEFERRABLE,
  at timestamptz NOT NULL, kind text DEFAULT 'plain' CHECK (kind <> ''), body jsonb, length integer GENERATED ALWAYS AS (length(kind)) STORED,
  CONSTRAINT events_key PRIMARY KEY (id)) WITH (fillfactor = 80);
COMMENT ON TABLE events IS 'what happened'; COMMENT ON COLUMN events.kind IS 'of event'; COMMENT ON CONSTRAINT events_key ON events IS 'key';
CREATE INDEX events_account ON events (account, at DESC) WHERE kind <> 'noted'; COMMENT ON INDEX events_account IS 'by account';
CREATE INDEX events_lower ON events (lower(kind) text_pattern_ops);
ALTER INDEX events_lower ALTER COLUMN 1 SET STATISTICS 300; ALTER TABLE events ALTER body SET STORAGE EXTERNAL, ALTER kind SET STATISTICS 50;
CREATE STATISTICS events_stats (dependencies) ON account, kind FROM events;
CREATE TRIGGER events_noted AFTER INSERT OR UPDATE OF kind ON events FOR EACH ROW WHEN (NEW.kind = 'noted') EXECUTE FUNCTION noted();
GRANT SELECT, INSERT ON events TO app_writer; GRANT SELECT (id, kind) ON events TO app_reader;
INSERT INTO events (id, account, at, kind, body) OVERRIDING SYSTEM VALUE SELECT n, 1 + n % 50, '2025-06-01'::timestamptz + n * interval '1 hour', 'k' || n % 5, jsonb_build_object('n', n) FROM generate_series(1, 9000) n;
