CREATE TABLE t (id bigint PRIMARY KEY, f double precision, at timestamptz, n numeric, s text);
INSERT INTO t VALUES (1, 'NaN', 'infinity', 'NaN', ''), (2, '-infinity', '-infinity', 0.000, ' '), (3, '-0', '4713-01-01 BC', 1e30, E'\n'), (4, NULL, NULL, NULL, NULL);
INSERT INTO t SELECT n, n, now(), n, n FROM generate_series(5, 60) n;
