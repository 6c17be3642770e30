ALTER TABLE t ALTER name TYPE varchar(60);
