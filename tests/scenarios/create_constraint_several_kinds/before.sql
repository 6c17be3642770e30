CREATE TABLE p (x integer, y integer, PRIMARY KEY (x, y));
CREATE TABLE t (id bigint PRIMARY KEY, a integer, b integer);
INSERT INTO p SELECT n, n FROM generate_series(0, 9) n;
INSERT INTO t SELECT n, n % 12, n % 12 FROM generate_series(1, 100) n;
