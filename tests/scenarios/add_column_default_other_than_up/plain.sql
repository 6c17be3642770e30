ALTER TABLE t ADD source text NOT NULL DEFAULT 'unknown';
ALTER TABLE t ALTER source SET DEFAULT 'direct';
