CREATE TABLE t (id integer PRIMARY KEY, code text UNIQUE, gone text UNIQUE);
CREATE TABLE child (id bigint PRIMARY KEY, t integer REFERENCES t ON DELETE CASCADE, code text REFERENCES t (code), gone text REFERENCES t (gone));
CREATE TABLE parts (id bigint, t integer CONSTRAINT of_t REFERENCES t) PARTITION BY LIST (t);
CREATE TABLE part PARTITION OF parts DEFAULT;
INSERT INTO t SELECT n, 'c' || n, 'g' || n FROM generate_series(1, 300) n;
INSERT INTO child SELECT n, n, 'c' || n, 'g' || n FROM generate_series(1, 300) n;
