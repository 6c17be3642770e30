CREATE TABLE t (id bigint PRIMARY KEY, a integer, b text, c integer, CHECK (a > 0), UNIQUE (c));
CREATE INDEX on_a ON t (a, lower(b));
INSERT INTO t SELECT n, n, 'b', n FROM generate_series(1, 100) n;
