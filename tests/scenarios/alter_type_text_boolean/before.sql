CREATE TABLE t (id bigint PRIMARY KEY, active text DEFAULT 'no');
INSERT INTO t SELECT n, (ARRAY['yes', 'no', NULL])[n % 3 + 1] FROM generate_series(1, 300) n;
