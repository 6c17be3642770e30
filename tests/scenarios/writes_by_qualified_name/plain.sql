ALTER TABLE t ALTER a TYPE text USING 'v' || a;
