CREATE TABLE t (id bigint PRIMARY KEY, parent bigint CONSTRAINT up REFERENCES t ON DELETE SET NULL, v integer);
INSERT INTO t SELECT n, NULLIF(n / 2, 0), n FROM generate_series(1, 60) n;
