DROP VIEW names, adults, people;
CREATE VIEW people WITH (security_barrier=true) AS SELECT id, upper(last) AS name, age, age > 64 AS retired FROM users;
COMMENT ON VIEW people IS 'it''s \ them'; COMMENT ON COLUMN people.name IS 'whole';
CREATE VIEW adults AS SELECT id, name FROM people WHERE age > 17 WITH LOCAL CHECK OPTION;
CREATE VIEW names AS SELECT a.name, initials(a.name) AS "In" FROM adults a JOIN people p USING (id);
ALTER VIEW adults ALTER COLUMN id SET DEFAULT 7;
COMMENT ON VIEW names IS 'far'; COMMENT ON COLUMN names."In" IS 'first letter';
GRANT SELECT ON people, adults TO app_reader; GRANT UPDATE ON people TO app_writer WITH GRANT OPTION; GRANT SELECT (name) ON names TO PUBLIC;
