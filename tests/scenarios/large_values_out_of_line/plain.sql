ALTER TABLE t ALTER n TYPE bigint, ADD head text;
UPDATE t SET head = left(doc, 40);
