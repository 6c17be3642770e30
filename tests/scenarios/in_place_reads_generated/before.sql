CREATE TABLE t (id bigint PRIMARY KEY, a integer, twice integer GENERATED ALWAYS AS (a * 2) STORED);
INSERT INTO t (id, a) SELECT n, n % 20 FROM generate_series(1, 100) n;
