ALTER TABLE t ADD four integer;
UPDATE t SET four = a * 4;
