ALTER TABLE t ADD b text;
UPDATE t SET b = 'ours ' || a;
