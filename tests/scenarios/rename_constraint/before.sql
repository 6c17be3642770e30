CREATE TABLE teams (name text PRIMARY KEY);
INSERT INTO teams VALUES ('a'), ('b');
CREATE TABLE t (id bigint CONSTRAINT t_key PRIMARY KEY, mail text CONSTRAINT mail_once UNIQUE, age integer CONSTRAINT grown CHECK (age > 0),
    team text CONSTRAINT of_team REFERENCES teams, size integer CONSTRAINT sized CHECK (size > 0), CONSTRAINT unlike CHECK (age <> size));
COMMENT ON CONSTRAINT grown ON t IS 'kept';
INSERT INTO t SELECT n, 'mail' || n, n, 'a', n + 1 FROM generate_series(1, 100) n;
