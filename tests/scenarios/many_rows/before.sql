CREATE TABLE t (id bigint PRIMARY KEY, a integer NOT NULL, body text);
CREATE INDEX t_a ON t (a);
INSERT INTO t SELECT n, n % 1000, repeat('x', 60) FROM generate_series(1, 100000) n;
INSERT INTO t SELECT n, 5, 'w' FROM generate_series(1000000, 1000999) n;
ALTER TABLE t ADD CHECK (a >= 0);
