UPDATE events SET label = 'none' WHERE label IS NULL;
ALTER TABLE events ALTER label TYPE text, ALTER label SET NOT NULL, ALTER note TYPE integer USING note::integer;
ALTER TABLE events ADD CONSTRAINT title_said CHECK (length(label) > 0), ADD CONSTRAINT of_team FOREIGN KEY (a, b) REFERENCES teams (a, b);
ALTER TABLE events RENAME label TO title;
ALTER TABLE events RENAME note TO number;
