ALTER TABLE t ALTER a TYPE integer USING coalesce(a::integer, 0), ALTER a SET NOT NULL, ADD b text NOT NULL UNIQUE;
