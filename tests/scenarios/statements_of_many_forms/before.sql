CREATE TABLE t (id bigint PRIMARY KEY, a integer NOT NULL DEFAULT 1, b text);
INSERT INTO t SELECT n, n, 'b' FROM generate_series(1, 100) n;
