CREATE TABLE names (id bigint PRIMARY KEY, name text);
CREATE TABLE t (id bigint PRIMARY KEY, first text NOT NULL, last text NOT NULL, team integer);
INSERT INTO names VALUES (1, 'one'), (2, 'two');
INSERT INTO t SELECT n, 'f' || n, 'l' || n, 1 FROM generate_series(1, 100) n;
