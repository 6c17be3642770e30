CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE t (id bigint PRIMARY KEY, feels mood NOT NULL);
CREATE TABLE u (id bigint PRIMARY KEY, felt mood[] DEFAULT '{ok}');
CREATE VIEW happy AS SELECT id, feels FROM t WHERE feels = 'ok'::mood;
CREATE VIEW happy_ids AS SELECT id FROM happy;
GRANT SELECT ON happy_ids TO app_reader;
INSERT INTO t SELECT n, 'ok' FROM generate_series(1, 200) n;
INSERT INTO u VALUES (1);
