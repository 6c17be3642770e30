ALTER TABLE t ALTER parent TYPE integer;
