CREATE TABLE t (id bigint PRIMARY KEY, kind text DEFAULT 'a', size integer DEFAULT 1, color text);
INSERT INTO t SELECT n, 'k', n, 'red' FROM generate_series(1, 300) n;
