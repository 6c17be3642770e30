CREATE TABLE t (id bigint PRIMARY KEY, n integer, r int4range, p point, a integer[], w tsvector, x text);
INSERT INTO t SELECT n, n, int4range(0, n), point(n, n), ARRAY[n], to_tsvector('simple', 'w' || n), n FROM generate_series(1, 100) n;
