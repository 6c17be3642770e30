CREATE TABLE t (code varchar(8) PRIMARY KEY, id bigint, v text) WITH (fillfactor = 90);
INSERT INTO t SELECT 'c' || n, n, 'v' FROM generate_series(1, 100) n;
