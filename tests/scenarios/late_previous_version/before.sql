CREATE TABLE t (id bigint PRIMARY KEY, name varchar(20));
INSERT INTO t SELECT n, 'name ' || n FROM generate_series(1, 100) n;
CREATE TABLE other (id bigint);
GRANT SELECT ON t TO app_reader;
