UPDATE t SET a = a + b;
ALTER TABLE t ALTER a TYPE bigint, ALTER b TYPE bigint;
