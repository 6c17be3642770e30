CREATE FUNCTION fine(integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 > 0';
CREATE TABLE t (id bigint PRIMARY KEY, a integer CONSTRAINT is_fine CHECK (fine(a)), b integer);
INSERT INTO t SELECT n, n, -n FROM generate_series(1, 50) n;
