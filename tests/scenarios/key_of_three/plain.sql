ALTER TABLE t ALTER b TYPE varchar(40) USING b || '!', ALTER c TYPE timestamp;
