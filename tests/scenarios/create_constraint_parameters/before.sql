CREATE TABLE teams (id integer PRIMARY KEY);
CREATE TABLE t (id bigint PRIMARY KEY, a integer, b integer, c text, team integer);
INSERT INTO teams VALUES (1), (2);
INSERT INTO t SELECT n, n, n, 'x', 9 FROM generate_series(1, 100) n;
