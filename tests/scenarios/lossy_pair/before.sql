CREATE TABLE t (id bigint PRIMARY KEY, price numeric NOT NULL, note text);
INSERT INTO t SELECT n, n + 0.5, 'n' FROM generate_series(1, 300) n;
