CREATE TABLE t (id integer PRIMARY KEY, a text);
CREATE TABLE child (id bigint, part integer, t integer CONSTRAINT of_t REFERENCES t ON DELETE CASCADE) PARTITION BY LIST (part);
CREATE TABLE child_1 PARTITION OF child FOR VALUES IN (1);
CREATE TABLE child_2 PARTITION OF child DEFAULT;
CREATE INDEX child_t ON child (t);
INSERT INTO t SELECT n, 'a' FROM generate_series(1, 300) n;
INSERT INTO child SELECT n, n % 3, n FROM generate_series(1, 300) n;
