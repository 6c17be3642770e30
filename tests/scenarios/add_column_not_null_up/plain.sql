ALTER TABLE users ADD full_name text;
UPDATE users SET full_name = coalesce(first_name, '?') || ' ' || coalesce(last_name, '?');
ALTER TABLE users ALTER full_name SET NOT NULL;
