CREATE TABLE t (id bigint PRIMARY KEY, low integer, high integer, CONSTRAINT in_order CHECK (low <= high), CONSTRAINT far CHECK (high < 1000) NO INHERIT);
INSERT INTO t SELECT n, n, n + 1 FROM generate_series(1, 200) n;
