CREATE SEQUENCE s;
CREATE TABLE t (id bigint PRIMARY KEY, a integer DEFAULT 1, b text DEFAULT 'b', c timestamptz);
INSERT INTO t SELECT n FROM generate_series(1, 20) n;
