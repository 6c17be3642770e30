CREATE TABLE t (id serial PRIMARY KEY, up integer REFERENCES t, name text UNIQUE);
CREATE TABLE c (id bigint PRIMARY KEY, t integer REFERENCES t ON DELETE CASCADE);
CREATE VIEW v AS SELECT name FROM t;
INSERT INTO t (name) SELECT 'n' || n FROM generate_series(1, 100) n;
INSERT INTO c SELECT n, n FROM generate_series(1, 100) n;
