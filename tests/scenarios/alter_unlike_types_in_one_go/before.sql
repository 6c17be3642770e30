CREATE TABLE t (id bigint PRIMARY KEY, a point, b money, c macaddr, d int4range, e tsvector, f bytea);
INSERT INTO t SELECT n, point(n, n), n::money, '08:00:2b:01:02:03', int4range(n, n + 5), to_tsvector('simple', 'w' || n), 'x' FROM generate_series(1, 60) n;
