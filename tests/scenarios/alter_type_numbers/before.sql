CREATE TABLE t (id bigint PRIMARY KEY, r real, n numeric(10,3), c character(6), b bit(4));
INSERT INTO t SELECT n, n / 4.0, n + 0.25, 'c' || n, (n % 16)::bit(4) FROM generate_series(1, 200) n;
