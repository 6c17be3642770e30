CREATE TABLE t (gone1 integer, id bigint PRIMARY KEY, gone2 text, a integer);
INSERT INTO t SELECT 1, n, 'x', n FROM generate_series(1, 100) n;
ALTER TABLE t DROP gone1, DROP gone2, ADD later integer NOT NULL DEFAULT 42;
