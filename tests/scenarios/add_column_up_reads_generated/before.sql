CREATE TABLE t (id bigint PRIMARY KEY, a integer, twice integer GENERATED ALWAYS AS (a * 2) STORED);
INSERT INTO t SELECT n, n FROM generate_series(1, 200) n;
