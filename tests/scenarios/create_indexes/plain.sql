CREATE UNIQUE INDEX docs_title ON docs (title COLLATE "C" DESC NULLS LAST);
CREATE INDEX docs_recent ON docs (at, title NULLS FIRST) WITH (fillfactor = 80) WHERE at > 50;
CREATE INDEX docs_body ON docs USING gin (body jsonb_path_ops);
CREATE INDEX docs_at ON docs USING hash (at);
CREATE INDEX docs_like ON docs USING gist (title gist_trgm_ops (siglen = 32));
CREATE INDEX docs_brin ON docs USING brin (at);
