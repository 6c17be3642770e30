CREATE TABLE t (id bigint PRIMARY KEY, a text, x text);
CREATE INDEX t_a ON t (a);
INSERT INTO t SELECT n, n::text FROM generate_series(1, 300) n;
