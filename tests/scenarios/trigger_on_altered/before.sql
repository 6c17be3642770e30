CREATE TABLE t (id bigint PRIMARY KEY, price integer, doubled bigint);
CREATE FUNCTION double() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.doubled := NEW.id * 2; RETURN NEW; END';
CREATE TRIGGER double BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION double();
INSERT INTO t SELECT n, n FROM generate_series(1, 300) n;
