UPDATE t SET name = coalesce(first, '?') || '''s name' WHERE name IS NULL;
ALTER TABLE t ALTER name SET NOT NULL;
