CREATE TABLE t (id bigint PRIMARY KEY, a varchar(40), b text);
ALTER TABLE t ALTER a SET COMPRESSION pglz, ALTER b SET COMPRESSION pglz;
INSERT INTO t SELECT n, 'a' || n, 'b' || n FROM generate_series(1, 100) n;
