CREATE TABLE p (id integer PRIMARY KEY, code text UNIQUE);
CREATE TABLE t (id bigint PRIMARY KEY, a integer REFERENCES p, b integer REFERENCES p ON DELETE CASCADE, c text REFERENCES p (code) ON UPDATE CASCADE);
INSERT INTO p SELECT n, 'c' || n FROM generate_series(1, 20) n;
INSERT INTO t SELECT n, n % 20 + 1, n % 20 + 1, 'c1' FROM generate_series(1, 60) n;
