ALTER TABLE t ALTER "Name" SET DEFAULT 'none';
COMMENT ON COLUMN t."Name" IS 'with a default';
