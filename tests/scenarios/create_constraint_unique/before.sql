CREATE TABLE t (id bigint PRIMARY KEY, shop integer NOT NULL DEFAULT 1, number text, note text);
CREATE INDEX t_number ON t (number) WHERE note IS NOT NULL;
INSERT INTO t SELECT n, n % 3, 'same', 'x' FROM generate_series(1, 300) n;
