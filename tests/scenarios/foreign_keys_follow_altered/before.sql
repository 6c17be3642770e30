CREATE TABLE t (id integer PRIMARY KEY, code text CONSTRAINT codes UNIQUE, boss integer REFERENCES t ON DELETE SET NULL);
CREATE TABLE child (id bigint PRIMARY KEY, t integer NOT NULL CONSTRAINT "of t" REFERENCES t ON DELETE CASCADE ON UPDATE CASCADE, code text REFERENCES t (code) DEFERRABLE INITIALLY DEFERRED);
COMMENT ON CONSTRAINT "of t" ON child IS 'it''s one';
INSERT INTO t SELECT n, 'c' || n, nullif(n / 10, 0) FROM generate_series(1, 300) n;
INSERT INTO child SELECT n, n, 'c' || n FROM generate_series(1, 300) n;
