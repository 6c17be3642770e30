CREATE TYPE mood AS ENUM ('sad', 'ok');
COMMENT ON TYPE mood IS 'felt';
CREATE TABLE t (id bigint PRIMARY KEY, feels mood NOT NULL DEFAULT 'ok');
INSERT INTO t SELECT n, 'sad' FROM generate_series(1, 100) n;
CREATE VIEW v AS SELECT feels FROM t;
CREATE FUNCTION f(mood) RETURNS text LANGUAGE sql AS 'SELECT $1::text';
