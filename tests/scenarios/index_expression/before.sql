CREATE TABLE t (id bigint PRIMARY KEY, mail text, at timestamptz, "Odd Name" integer);
INSERT INTO t SELECT n, 'Mail' || n, '2020-01-01Z', n FROM generate_series(1, 200) n;
