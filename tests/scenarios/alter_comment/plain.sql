COMMENT ON COLUMN t.a IS NULL;
COMMENT ON COLUMN t.b IS 'it''s new; really';
