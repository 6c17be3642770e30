CREATE TABLE t (id bigint PRIMARY KEY, a integer DEFAULT 5, b text);
INSERT INTO t SELECT n, NULLIF(n % 3, 0), NULL FROM generate_series(1, 100) n;
