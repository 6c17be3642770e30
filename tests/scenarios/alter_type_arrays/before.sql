CREATE TABLE t (id bigint PRIMARY KEY, tag text, list integer[]);
INSERT INTO t SELECT n, 'tag ' || n, ARRAY[n, n + 1] FROM generate_series(1, 200) n;
CREATE INDEX in_list ON t USING gin (list);
