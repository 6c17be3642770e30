ALTER TABLE t ALTER low TYPE numeric;
