CREATE TABLE t (id bigint PRIMARY KEY, a text, b text);
INSERT INTO t SELECT n, 'a', 'b' FROM generate_series(1, 100) n;
