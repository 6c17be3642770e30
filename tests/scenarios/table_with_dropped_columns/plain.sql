ALTER TABLE t ALTER later TYPE bigint USING later + a;
