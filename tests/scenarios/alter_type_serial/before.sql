CREATE TABLE t (id serial PRIMARY KEY, name text);
ALTER SEQUENCE t_id_seq RESTART 1000000;
GRANT USAGE ON SEQUENCE t_id_seq TO app_writer;
CREATE TABLE plain (a integer);
INSERT INTO t SELECT n, 'n' FROM generate_series(1, 300) n;
