CREATE TABLE t (id bigint PRIMARY KEY, low integer NOT NULL, high integer, CONSTRAINT low_positive CHECK (low > 0), CONSTRAINT in_order CHECK (low <= high));
COMMENT ON CONSTRAINT in_order ON t IS 'low first';
INSERT INTO t SELECT n, n, n + 1 FROM generate_series(1, 300) n;
