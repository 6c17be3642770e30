CREATE TABLE t (id serial PRIMARY KEY, a text);
CREATE TABLE child (id integer PRIMARY KEY, t integer REFERENCES t ON DELETE CASCADE);
CREATE VIEW pairs AS SELECT t.id AS parent, child.id AS child FROM t JOIN child ON child.t = t.id;
INSERT INTO t (a) SELECT 'a' FROM generate_series(1, 300);
INSERT INTO child SELECT n, n FROM generate_series(1, 300) n;
