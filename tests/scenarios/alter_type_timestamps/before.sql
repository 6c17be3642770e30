CREATE TABLE t (id bigint PRIMARY KEY, at timestamp, day text);
INSERT INTO t SELECT n, timestamp '2024-01-01' + n * interval '1 hour', '2024-02-' || n % 28 + 1 FROM generate_series(1, 200) n;
