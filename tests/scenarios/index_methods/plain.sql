CREATE INDEX i1 ON t USING hash (n) WITH (fillfactor = 75);
CREATE INDEX i2 ON t USING gist (r, p);
CREATE INDEX i3 ON t USING spgist (p);
CREATE INDEX i4 ON t USING gin (a) WITH (fastupdate = off, gin_pending_list_limit = 100);
CREATE INDEX i5 ON t USING brin (id, n) WITH (pages_per_range = 8);
CREATE INDEX i6 ON t USING gist (w tsvector_ops (siglen = 100));
CREATE INDEX i7 ON t (x COLLATE "C" text_pattern_ops DESC NULLS FIRST);
