CREATE TABLE p (id integer PRIMARY KEY);
CREATE TABLE t (id bigint PRIMARY KEY, a integer CONSTRAINT a_up CHECK (a >= 0) CONSTRAINT a_p REFERENCES p CONSTRAINT a_once UNIQUE);
CREATE INDEX a_index ON t (a);
COMMENT ON CONSTRAINT a_up ON t IS 'check''s';
COMMENT ON CONSTRAINT a_p ON t IS 'key''s';
COMMENT ON CONSTRAINT a_once ON t IS 'unique''s';
COMMENT ON INDEX a_index IS 'index''s';
INSERT INTO p SELECT generate_series(1, 100);
INSERT INTO t SELECT n, n FROM generate_series(1, 50) n;
