CREATE TABLE t (id bigint PRIMARY KEY, amount integer NOT NULL DEFAULT 5, other text);
INSERT INTO t SELECT n, n, 'x' FROM generate_series(1, 300) n;
