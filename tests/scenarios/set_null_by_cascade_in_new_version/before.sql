CREATE TABLE p (id bigint PRIMARY KEY);
CREATE TABLE t (id bigint PRIMARY KEY, p bigint CONSTRAINT t_p REFERENCES p ON DELETE SET NULL, v integer);
INSERT INTO p SELECT generate_series(1, 20);
INSERT INTO t SELECT n, n % 20 + 1, n FROM generate_series(1, 60) n;
