CREATE TABLE t (id bigint PRIMARY KEY, "Name" text);
INSERT INTO t SELECT n, 'name ' || n FROM generate_series(1, 100) n;
