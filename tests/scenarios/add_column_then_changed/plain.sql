ALTER TABLE t ADD b text DEFAULT 'none';
UPDATE t SET b = coalesce('b' || (a + 1), 'no');
COMMENT ON COLUMN t.b IS 'two steps';
ALTER TABLE t ALTER b SET NOT NULL;
ALTER TABLE t RENAME b TO c;
