CREATE TABLE teams (id integer PRIMARY KEY, team integer);
CREATE TABLE t (id bigint PRIMARY KEY, team integer, other text);
INSERT INTO teams VALUES (1, 7), (2, 8);
INSERT INTO t SELECT n, n % 5, 'o' FROM generate_series(1, 200) n;
