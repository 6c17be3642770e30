ALTER TABLE t ALTER amount TYPE bigint;
