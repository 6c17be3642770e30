ALTER TABLE t ADD b integer, ADD c integer, ADD e integer;
UPDATE t SET b = a + 1, c = (a + 1) * 2, e = a + 1;
ALTER TABLE t RENAME b TO d;
