CREATE TABLE t (id bigint PRIMARY KEY, n integer, words text);
CREATE INDEX hashed ON t USING hash (n);
CREATE INDEX ranged ON t USING brin (n) WITH (pages_per_range = 16);
CREATE INDEX partly ON t (n) WHERE n > 5 AND words <> '';
CREATE INDEX found ON t USING gin (to_tsvector('english', words)) WITH (fastupdate = off);
INSERT INTO t SELECT n, n, 'word ' || n FROM generate_series(1, 200) n;
