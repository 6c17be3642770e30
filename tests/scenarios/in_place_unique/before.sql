CREATE TABLE t (id bigint PRIMARY KEY, mail text, team integer);
INSERT INTO t SELECT n, 'mail ' || n, 1 FROM generate_series(1, 200) n;
