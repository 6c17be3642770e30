ALTER TABLE t ALTER a TYPE varchar, ALTER b TYPE bit varying(9), ALTER c TYPE time(3), ALTER d TYPE timestamptz, ALTER e TYPE interval, ALTER f TYPE inet, ALTER g TYPE numeric, ALTER h TYPE varchar;
