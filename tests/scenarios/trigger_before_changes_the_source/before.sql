CREATE TABLE t (id bigint PRIMARY KEY, mail text);
CREATE FUNCTION lowered() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.mail := lower(NEW.mail); RETURN NEW; END$$;
CREATE TRIGGER zz_lowered BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION lowered();
INSERT INTO t SELECT n, 'Mail ' || n FROM generate_series(1, 100) n;
