CREATE TABLE t (id bigint PRIMARY KEY, name text, updated integer NOT NULL DEFAULT 0);
CREATE TABLE log (id bigint, name text);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.updated := NEW.updated + 1; NEW.name := trim(NEW.name); RETURN NEW; END';
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.log VALUES (NEW.id, NEW.name); RETURN NULL; END';
CREATE TRIGGER zzz_touch BEFORE UPDATE ON t FOR EACH ROW WHEN (NEW.id > 999999) EXECUTE FUNCTION touch();
CREATE TRIGGER note AFTER INSERT OR UPDATE OF updated ON t FOR EACH ROW WHEN (NEW.id > 999999) EXECUTE FUNCTION note();
COMMENT ON TRIGGER note ON t IS 'audit';
INSERT INTO t SELECT n, 'n' FROM generate_series(1, 300) n;
