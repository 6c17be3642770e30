ALTER TABLE t ADD note text;
COMMENT ON COLUMN t.note IS 'it''s "new"';
