ALTER TABLE t ADD c text;
UPDATE t SET c = upper(a);
