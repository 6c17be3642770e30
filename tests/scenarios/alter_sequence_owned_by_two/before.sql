CREATE TABLE t (id bigserial PRIMARY KEY, n serial, label text);
ALTER SEQUENCE t_n_seq AS integer MAXVALUE 2000000 CACHE 7;
INSERT INTO t (label) SELECT 'l' FROM generate_series(1, 60);
SELECT setval('t_id_seq', 1000000);
