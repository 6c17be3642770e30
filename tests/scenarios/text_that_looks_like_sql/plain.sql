ALTER TABLE t ADD b text;
UPDATE t SET b = a || $q$'$segue$"$q$ || E'\'\\';
COMMENT ON COLUMN t.b IS E'$segue$ '' \\ -- */';
ALTER TABLE t ALTER a SET DEFAULT '$$; --';
