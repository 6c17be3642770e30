CREATE TABLE t (id integer PRIMARY KEY, amount integer NOT NULL, "Note" text);
INSERT INTO t SELECT n, n, 'n' FROM generate_series(1, 200) n;
CREATE FUNCTION net(amount integer, rate numeric DEFAULT 0.5) RETURNS numeric LANGUAGE sql STABLE AS 'SELECT amount * rate';
REVOKE ALL ON FUNCTION net FROM PUBLIC; GRANT EXECUTE ON FUNCTION net TO app_reader WITH GRANT OPTION;
COMMENT ON FUNCTION net IS 'of tax';
CREATE FUNCTION unused(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION unused(text, character varying) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE VIEW nets AS SELECT id, net(amount) FROM t;
