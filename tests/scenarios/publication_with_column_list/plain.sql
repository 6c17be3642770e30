ALTER TABLE t ALTER b TYPE varchar(50), ADD c integer;
UPDATE t SET c = a * 2;
