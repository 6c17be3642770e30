CREATE TABLE p (id integer PRIMARY KEY);
CREATE TABLE t (id bigint PRIMARY KEY, p integer DEFAULT 1);
INSERT INTO p SELECT generate_series(1, 10);
INSERT INTO t SELECT n, n FROM generate_series(1, 100) n;
