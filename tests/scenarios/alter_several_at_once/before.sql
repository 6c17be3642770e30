CREATE TABLE t (id bigint PRIMARY KEY, price text DEFAULT '0');
COMMENT ON COLUMN t.price IS 'text';
INSERT INTO t SELECT n, CASE WHEN n % 2 = 0 THEN n::text END FROM generate_series(1, 300) n;
