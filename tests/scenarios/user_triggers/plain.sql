ALTER TABLE t ADD loud text;
UPDATE t SET loud = upper(coalesce(name, ''));
ALTER TABLE t ALTER loud SET NOT NULL;
