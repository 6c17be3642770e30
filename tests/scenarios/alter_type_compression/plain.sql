ALTER TABLE t ALTER a TYPE text USING upper(a);
ALTER TABLE t ADD CONSTRAINT not_empty CHECK (b <> '');
