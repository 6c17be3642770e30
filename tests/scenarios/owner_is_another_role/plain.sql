ALTER TABLE t ALTER a TYPE bigint, ADD s serial;
