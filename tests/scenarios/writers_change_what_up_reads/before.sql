CREATE TABLE t (id bigint PRIMARY KEY, price numeric, qty integer, total numeric);
INSERT INTO t SELECT n, n, 2, n * 2 FROM generate_series(1, 60) n;
