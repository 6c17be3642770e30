CREATE TABLE teams (name text PRIMARY KEY);
CREATE TABLE t (id bigint PRIMARY KEY, email text, age integer, team text);
INSERT INTO teams VALUES ('a'), ('b');
INSERT INTO t SELECT n, 'same', -n, 'c' FROM generate_series(1, 300) n;
