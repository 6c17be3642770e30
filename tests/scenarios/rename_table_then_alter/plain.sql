ALTER TABLE users RENAME TO people;
ALTER TABLE people ALTER age TYPE integer USING age::integer;
ALTER TABLE people ADD adult boolean;
UPDATE people SET adult = age >= 18;
