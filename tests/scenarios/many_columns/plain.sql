ALTER TABLE t ALTER c1499 TYPE integer, ADD sum integer, DROP c700;
UPDATE t SET sum = c1 + c1499;
ALTER TABLE t RENAME c800 TO renamed;
