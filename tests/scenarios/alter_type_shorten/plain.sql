ALTER TABLE t ALTER name TYPE varchar(12) USING left(name, 12);
