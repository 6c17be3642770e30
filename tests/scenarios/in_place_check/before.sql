CREATE TABLE t (id bigint PRIMARY KEY, age integer, note text);
INSERT INTO t SELECT n, n % 50, 'n' || n FROM generate_series(1, 400) n;
CREATE TABLE touched (id bigint);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF NEW.id < 1000000 AND OLD.age > 17 THEN RAISE 'touched %', OLD.id; END IF; RETURN NEW; END$$;
CREATE TRIGGER touch BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch();
