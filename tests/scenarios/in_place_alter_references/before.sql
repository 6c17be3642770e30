CREATE TABLE p (id integer PRIMARY KEY, p integer);
CREATE TABLE t (id bigint PRIMARY KEY, p integer NOT NULL DEFAULT 1);
INSERT INTO p SELECT n, -n FROM generate_series(1, 5) n;
INSERT INTO t SELECT n, n FROM generate_series(1, 50) n;
