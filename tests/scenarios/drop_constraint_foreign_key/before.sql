CREATE TABLE teams (id integer PRIMARY KEY);
CREATE TABLE t (id bigint PRIMARY KEY, team integer CONSTRAINT of_team REFERENCES teams ON DELETE SET NULL);
CREATE INDEX t_team ON t (team);
INSERT INTO teams SELECT generate_series(1, 9);
INSERT INTO t SELECT n, n % 9 + 1 FROM generate_series(1, 300) n;
