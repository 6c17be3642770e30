CREATE TABLE t (id integer PRIMARY KEY, v text);
INSERT INTO t SELECT n, 'v' FROM generate_series(1, 100) n;
CREATE VIEW all_t AS SELECT id FROM t;
