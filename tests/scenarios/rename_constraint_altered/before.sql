CREATE TABLE teams (id integer PRIMARY KEY);
INSERT INTO teams VALUES (1), (2);
CREATE TABLE t (id bigint PRIMARY KEY, code integer NOT NULL CONSTRAINT once UNIQUE, size integer CONSTRAINT sized CHECK (size > 0),
    team integer CONSTRAINT of_team REFERENCES teams, CONSTRAINT gone CHECK (size < 1000000000));
INSERT INTO t SELECT n, n, n, 1 FROM generate_series(1, 100) n;
