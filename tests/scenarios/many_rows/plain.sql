ALTER TABLE t ALTER a TYPE bigint, ADD size integer;
UPDATE t SET size = length(body);
ALTER TABLE t ALTER size SET NOT NULL;
