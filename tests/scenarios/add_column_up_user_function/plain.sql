ALTER TABLE t ADD b numeric;
UPDATE t SET b = half(a + 2);
