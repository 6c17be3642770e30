CREATE FUNCTION half(integer) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT $1 / 2.0';
CREATE OPERATOR %% (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4pl);
CREATE TABLE t (id bigint PRIMARY KEY, a integer);
INSERT INTO t SELECT n, n FROM generate_series(1, 200) n;
