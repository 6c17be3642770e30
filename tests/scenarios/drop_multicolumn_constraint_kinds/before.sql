CREATE TABLE p (x integer, y integer, PRIMARY KEY (x, y));
CREATE TABLE t (id bigint PRIMARY KEY, a integer, b integer, CONSTRAINT to_p FOREIGN KEY (a, b) REFERENCES p, CONSTRAINT in_order CHECK (a <= b));
INSERT INTO p SELECT n, n FROM generate_series(0, 9) n;
INSERT INTO t SELECT n, n % 10, n % 10 FROM generate_series(1, 100) n;
