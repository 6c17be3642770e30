ALTER TABLE t ADD b text;
UPDATE t SET b = upper(a);
CREATE UNIQUE INDEX t_b ON t (b DESC, a) WHERE b IS NOT NULL AND a <> '';
ALTER TABLE t RENAME a TO small;
