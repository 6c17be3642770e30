CREATE TABLE t (id bigint PRIMARY KEY, a text, b text);
COMMENT ON COLUMN t.a IS 'old a';
INSERT INTO t SELECT n, 'a', 'b' FROM generate_series(1, 10) n;
