UPDATE t SET a = coalesce(a, 0), b = coalesce(b, 'none');
ALTER TABLE t ALTER a SET NOT NULL, ALTER b SET NOT NULL, ALTER b SET DEFAULT '';
