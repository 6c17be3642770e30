ALTER TABLE users RENAME name TO full_name;
ALTER TABLE users ADD first text;
UPDATE users SET first = split_part(full_name, ' ', 1);
ALTER TABLE users ALTER first SET NOT NULL, ALTER age TYPE text USING coalesce(age, -1)::text, ALTER age SET NOT NULL;
ALTER TABLE users RENAME first TO first_name;
ALTER TABLE posts ALTER author TYPE integer;
