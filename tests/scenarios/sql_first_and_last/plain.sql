CREATE SEQUENCE numbers;
ALTER TABLE t ALTER n TYPE bigint;
ALTER TABLE t ALTER n SET DEFAULT nextval('numbers');
COMMENT ON TABLE t IS 'numbered';
