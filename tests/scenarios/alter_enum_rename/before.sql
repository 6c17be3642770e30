CREATE TYPE mood AS ENUM ('sad', 'So So', 'ok');
CREATE TYPE other AS ENUM ('sad', 'ok');
COMMENT ON TYPE mood IS 'it''s felt';
REVOKE USAGE ON TYPE mood FROM PUBLIC;
GRANT USAGE ON TYPE mood TO app_writer WITH GRANT OPTION;
CREATE TABLE t (id bigint PRIMARY KEY, feels mood DEFAULT 'So So', felt other NOT NULL DEFAULT 'ok', note text DEFAULT 'sad');
INSERT INTO t SELECT n, (ARRAY['sad', 'So So', 'ok', NULL])[n % 4 + 1]::mood FROM generate_series(1, 400) n;
COMMENT ON COLUMN t.feels IS 'now';
GRANT UPDATE (feels) ON t TO app_writer;
