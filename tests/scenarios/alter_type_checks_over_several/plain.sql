ALTER TABLE t ALTER low TYPE bigint, ALTER high TYPE bigint;
