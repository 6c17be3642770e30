CREATE TABLE p (id integer PRIMARY KEY);
CREATE TABLE t (id bigint PRIMARY KEY, v integer);
INSERT INTO p SELECT generate_series(0, 9);
INSERT INTO t SELECT n, n FROM generate_series(1, 100) n;
