CREATE TABLE t (id bigint, at integer) PARTITION BY RANGE (at);
CREATE TABLE kept (id bigint PRIMARY KEY);
INSERT INTO kept SELECT generate_series(1, 9);
