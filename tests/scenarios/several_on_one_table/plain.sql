ALTER TABLE users ADD name text, ADD created integer NOT NULL DEFAULT 0;
UPDATE users SET name = first_name || ' ' || last_name;
ALTER TABLE users ALTER name SET NOT NULL, DROP first_name, DROP last_name, DROP junk, ALTER age TYPE integer USING age::integer;
CREATE INDEX users_age ON users (age);
