UPDATE t SET email = email || id, age = abs(age), team = (SELECT name FROM teams WHERE name = team);
ALTER TABLE t ADD CONSTRAINT t_email UNIQUE (email), ADD CONSTRAINT grown CHECK (age >= 0),
    ADD CONSTRAINT t_team FOREIGN KEY (team) REFERENCES teams (name) ON DELETE CASCADE;
