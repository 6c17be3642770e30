CREATE TABLE t (id bigint PRIMARY KEY, name varchar(20) NOT NULL DEFAULT 'none', code varchar(3), price numeric(8,2), at timestamp(0));
CREATE UNIQUE INDEX names ON t (name, id);
CREATE INDEX patterns ON t (code varchar_pattern_ops);
COMMENT ON COLUMN t.name IS 'kept';
INSERT INTO t SELECT n, 'name ' || n, 'c', n, '2020-01-01' FROM generate_series(1, 200) n;
