CREATE TABLE audit (id bigint, was jsonb);
CREATE TABLE t (id bigint PRIMARY KEY, a integer, at timestamptz);
CREATE FUNCTION audited() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.at := now(); IF NEW.id >= 1000000 THEN INSERT INTO public.audit VALUES (NEW.id, to_jsonb(NEW)); END IF; RETURN NEW; END$$;
CREATE TRIGGER audited BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION audited();
INSERT INTO t SELECT n, n FROM generate_series(1, 100) n;
