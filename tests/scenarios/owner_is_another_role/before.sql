CREATE TABLE t (id bigserial PRIMARY KEY, a integer);
ALTER TABLE t OWNER TO app_writer;
GRANT SELECT ON t TO app_reader;
INSERT INTO t (a) SELECT generate_series(1, 50);
SELECT setval('t_id_seq', 1000000);
