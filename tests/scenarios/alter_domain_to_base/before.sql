CREATE DOMAIN small AS integer CHECK (VALUE < 1000);
CREATE TABLE t (id bigint PRIMARY KEY, a small);
INSERT INTO t SELECT n, n FROM generate_series(1, 60) n;
