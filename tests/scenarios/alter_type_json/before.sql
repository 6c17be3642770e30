CREATE TABLE t (id bigint PRIMARY KEY, a json, b text);
INSERT INTO t SELECT n, ('{"n": ' || n || ' , "n": 1}')::json, '[' || n || ']' FROM generate_series(1, 200) n;
