ALTER TABLE t ADD state state NOT NULL DEFAULT 'open';
ALTER TABLE t ADD CONSTRAINT not_both CHECK (state <> 'closed' OR id > 0);
