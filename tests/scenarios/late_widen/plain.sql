ALTER TABLE t ALTER name TYPE varchar(60), ALTER code TYPE text, ALTER price TYPE numeric(12,2), ALTER at TYPE timestamp;
COMMENT ON COLUMN t.at IS 'finer';
ALTER TABLE t RENAME code TO country;
