ALTER TABLE t ALTER a TYPE bigint, ADD c text;
UPDATE t SET c = b;
