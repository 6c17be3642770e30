CREATE TYPE mood AS ENUM ('sad', 'gone', 'so so', 'ok');
CREATE TABLE t (id bigint PRIMARY KEY, feels mood NOT NULL DEFAULT 'ok', note text,
    CONSTRAINT not_so CHECK (feels <> 'so so' OR note IS NULL), CONSTRAINT among CHECK (feels = ANY ('{sad,ok}'::mood[]) OR id <> 7));
COMMENT ON CONSTRAINT among ON t IS 'two of them';
CREATE INDEX t_feels ON t (feels DESC) INCLUDE (note);
CREATE INDEX t_ok ON t (id) WHERE feels = 'ok';
CREATE INDEX t_expression ON t ((CASE feels WHEN 'ok' THEN 1 ELSE 0 END));
CREATE UNIQUE INDEX t_once ON t (feels, id);
ALTER TABLE t ADD CONSTRAINT t_unique UNIQUE (id, feels);
INSERT INTO t SELECT n, CASE n % 3 WHEN 0 THEN 'sad' WHEN 1 THEN 'ok' ELSE 'gone' END::mood FROM generate_series(1, 300) n;
