CREATE TABLE t (id bigint PRIMARY KEY, v text DEFAULT 'x');
CREATE INDEX by_v ON t (v);
INSERT INTO t SELECT n, n FROM generate_series(1, 100) n;
