CREATE TABLE t (id bigint PRIMARY KEY, doc text, n integer);
ALTER TABLE t ALTER doc SET STORAGE EXTERNAL;
INSERT INTO t SELECT n, repeat(md5(n::text), 200), n FROM generate_series(1, 200) n;
