CREATE TABLE parents (id integer PRIMARY KEY);
CREATE TABLE t (id bigint PRIMARY KEY, parent smallint CONSTRAINT of_parent REFERENCES parents (id) ON DELETE SET NULL ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED);
CREATE INDEX t_parent ON t (parent);
INSERT INTO parents SELECT generate_series(0, 99);
INSERT INTO t SELECT n, n % 100 FROM generate_series(1, 300) n;
