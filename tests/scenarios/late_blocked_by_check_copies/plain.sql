ALTER TABLE t ALTER a TYPE text, ALTER b TYPE varchar(9);
