CREATE TABLE t (id bigint PRIMARY KEY, name text COLLATE "C", CHECK (name <> 'bad'));
CREATE INDEX t_name ON t (name);
INSERT INTO t SELECT n, CASE WHEN n % 3 > 0 THEN 'n' || n END FROM generate_series(1, 300) n;
