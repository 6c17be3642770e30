ALTER TABLE t ALTER a TYPE jsonb, ALTER b TYPE jsonb USING b::jsonb;
CREATE INDEX in_a ON t USING gin (a jsonb_path_ops);
