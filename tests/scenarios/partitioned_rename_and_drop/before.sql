CREATE TABLE t (id bigint, at date, a integer, b text DEFAULT 'b', c integer) PARTITION BY RANGE (at);
CREATE TABLE t_old PARTITION OF t FOR VALUES FROM (MINVALUE) TO ('2024-01-01');
CREATE TABLE t_new PARTITION OF t FOR VALUES FROM ('2024-01-01') TO (MAXVALUE);
INSERT INTO t SELECT n, date '2023-12-01' + n, n, 'b', n FROM generate_series(1, 60) n;
