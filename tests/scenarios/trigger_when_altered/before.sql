CREATE TABLE log (id bigint, said text);
CREATE TABLE t (id bigint PRIMARY KEY, state text, n integer);
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN INSERT INTO public.log VALUES (new.id, new.state); RETURN NULL; END $$;
CREATE TRIGGER "on change" AFTER UPDATE ON t FOR EACH ROW WHEN (old.state IS DISTINCT FROM new.state) EXECUTE FUNCTION noted('it''s');
CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (new.state = 'never' AND new.n > 0) EXECUTE FUNCTION noted();
CREATE TRIGGER off AFTER UPDATE ON t FOR EACH ROW WHEN (new.state = 'x') EXECUTE FUNCTION noted();
ALTER TABLE t DISABLE TRIGGER off;
COMMENT ON TRIGGER "on change" ON t IS 'notes it';
INSERT INTO t SELECT n, 's' || n, n FROM generate_series(1, 300) n;
