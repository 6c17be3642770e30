UPDATE goods SET name = coalesce(name, gross::text);
ALTER TABLE goods ALTER name SET NOT NULL, ADD label text;
UPDATE goods SET label = name || net;
