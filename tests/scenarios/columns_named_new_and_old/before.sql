CREATE TABLE t (id bigint PRIMARY KEY, new integer, old integer, tg_op text, found boolean, "select" text);
INSERT INTO t SELECT n, n, n, 'x', true, 's' FROM generate_series(1, 50) n;
