ALTER TABLE t ALTER v TYPE bigint, ADD has_p boolean;
UPDATE t SET has_p = p IS NOT NULL;
ALTER TABLE t ALTER has_p SET NOT NULL;
