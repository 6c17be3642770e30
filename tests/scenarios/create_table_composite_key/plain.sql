CREATE TABLE pairs (b integer NOT NULL, a integer NOT NULL, v text DEFAULT 'it''s', PRIMARY KEY (b, a));
COMMENT ON TABLE pairs IS 'two by two';
COMMENT ON COLUMN pairs.a IS 'the "a"';
