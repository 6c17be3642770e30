ALTER TABLE t ALTER a SET DEFAULT nextval('s'), ALTER b DROP DEFAULT, ALTER c SET DEFAULT now() - interval '1 day';
COMMENT ON COLUMN t.c IS E'ä ''quoted'' \\ comment';
