CREATE TABLE t (id bigint PRIMARY KEY, word text);
INSERT INTO t SELECT n, 'word ' || n FROM generate_series(1, 100) n;
