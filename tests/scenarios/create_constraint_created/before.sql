CREATE TABLE teams (id integer PRIMARY KEY);
CREATE TABLE t (id bigint PRIMARY KEY, age integer CONSTRAINT grown CHECK (age > 0));
INSERT INTO teams VALUES (1);
INSERT INTO t SELECT n, n FROM generate_series(1, 50) n;
