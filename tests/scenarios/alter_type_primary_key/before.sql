CREATE TABLE t (id integer CONSTRAINT "t key" PRIMARY KEY, name text);
CREATE INDEX t_name ON t (name, id);
INSERT INTO t SELECT n, 'n ' || n FROM generate_series(1, 300) n;
