ALTER TABLE t ADD s smallserial, ADD b bigserial;
UPDATE t SET s = id, b = id;
