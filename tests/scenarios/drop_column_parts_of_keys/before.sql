CREATE TABLE p (a integer, b integer, PRIMARY KEY (a, b));
CREATE TABLE t (id bigint PRIMARY KEY, a integer, b integer DEFAULT 1, c integer, UNIQUE (b, c), CHECK (b < c), FOREIGN KEY (a, b) REFERENCES p);
CREATE INDEX i ON t (c) WHERE b > 0;
CREATE STATISTICS s ON b, c FROM t;
INSERT INTO p SELECT n, 1 FROM generate_series(1, 100) n;
INSERT INTO t SELECT n, n, 1, n + 1 FROM generate_series(1, 100) n;
