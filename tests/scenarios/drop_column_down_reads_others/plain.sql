ALTER TABLE t ADD name text;
UPDATE t SET name = first || ' ' || last;
ALTER TABLE t ALTER name SET NOT NULL, DROP first, DROP last;
