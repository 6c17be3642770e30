CREATE TABLE p (a integer, b integer, PRIMARY KEY (a, b));
INSERT INTO p SELECT n, 1 FROM generate_series(1, 20) n;
