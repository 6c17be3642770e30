CREATE TABLE t (id bigint PRIMARY KEY, a text);
INSERT INTO t SELECT n, $x$'; DROP TABLE t; -- $segue$ "$x$ || n FROM generate_series(1, 60) n;
