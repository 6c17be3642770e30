CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE t (id bigint PRIMARY KEY, mood mood DEFAULT 'ok');
INSERT INTO t SELECT n, 'sad' FROM generate_series(1, 20) n;
CREATE FUNCTION nothing() RETURNS void LANGUAGE sql AS 'SELECT';
