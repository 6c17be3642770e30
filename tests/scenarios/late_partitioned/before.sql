CREATE TABLE t (id bigint, at integer, a varchar(5) NOT NULL, b numeric(4,2)) PARTITION BY RANGE (at);
CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100);
CREATE TABLE t2 PARTITION OF t DEFAULT;
INSERT INTO t SELECT n, n, 'a', 1 FROM generate_series(1, 200) n;
