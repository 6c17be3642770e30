CREATE TABLE t (id bigint PRIMARY KEY, u text NOT NULL);
INSERT INTO t SELECT n, md5(n::text)::uuid FROM generate_series(1, 200) n;
CREATE UNIQUE INDEX by_u ON t (u);
