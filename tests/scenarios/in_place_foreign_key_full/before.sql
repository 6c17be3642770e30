CREATE TABLE p (x integer, y integer, PRIMARY KEY (x, y));
CREATE TABLE t (id bigint PRIMARY KEY, x integer, y integer);
INSERT INTO p SELECT n, n FROM generate_series(1, 5) n;
INSERT INTO t SELECT n, NULLIF(n % 8, 0), NULLIF(n % 8, 7) FROM generate_series(1, 100) n;
