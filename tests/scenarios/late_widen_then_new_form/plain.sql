UPDATE t SET name = coalesce(name, 'none');
ALTER TABLE t ALTER name TYPE varchar(9), ALTER name SET NOT NULL;
