CREATE TABLE t (id bigint PRIMARY KEY, name text NOT NULL, CONSTRAINT has_name CHECK (name <> ''));
INSERT INTO t SELECT n, repeat('long name ', n % 5 + 1) FROM generate_series(1, 200) n;
