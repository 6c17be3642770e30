CREATE TABLE t (id bigint PRIMARY KEY, s serial, i integer GENERATED ALWAYS AS IDENTITY, g integer GENERATED ALWAYS AS (7) STORED);
INSERT INTO t (id) SELECT generate_series(1, 100);
