CREATE DOMAIN word AS text;
CREATE TYPE pair AS (x integer, y text);
CREATE TABLE t (id bigint PRIMARY KEY, a text);
INSERT INTO t SELECT n, 'w' || n FROM generate_series(1, 100) n;
