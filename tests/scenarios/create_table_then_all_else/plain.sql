CREATE TABLE done (id bigint CONSTRAINT done_key PRIMARY KEY CONSTRAINT done_t REFERENCES t, label text DEFAULT 'five', b text);
ALTER TABLE done ADD CONSTRAINT raw_b_key UNIQUE (b);
COMMENT ON COLUMN done.label IS 'now text';
COMMENT ON COLUMN done.b IS 'b';
CREATE INDEX by_label ON done (lower(label)) INCLUDE (b);
ALTER TABLE done REPLICA IDENTITY FULL;
