ALTER TABLE t ADD slug text;
UPDATE t SET slug = name || '-' || id;
ALTER TABLE t ALTER slug SET NOT NULL, ADD UNIQUE (slug);
