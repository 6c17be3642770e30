ALTER TABLE docs ALTER body TYPE jsonb USING body::jsonb, ALTER tags TYPE text[] USING string_to_array(tags, ','), ALTER sizes TYPE bigint[];
CREATE INDEX docs_tags ON docs USING gin (tags);
