CREATE TABLE u (a int NOT NULL, b int NOT NULL, team int CONSTRAINT of_team REFERENCES teams, CONSTRAINT u_key PRIMARY KEY (a, b), CONSTRAINT less CHECK (a < b));
ALTER TABLE t RENAME CONSTRAINT grown TO positive;
ALTER TABLE t ADD years int;
UPDATE t SET years = NULLIF(age, 5);
ALTER TABLE t ADD CONSTRAINT grown CHECK (years <> 5);
