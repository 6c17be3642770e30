CREATE TABLE t (id bigint PRIMARY KEY);
INSERT INTO t SELECT generate_series(1, 50);
GRANT INSERT ON t TO app_writer;
