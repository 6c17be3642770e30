CREATE TABLE docs (id bigint PRIMARY KEY, body json, tags text, sizes integer[] DEFAULT '{1,2}');
CREATE INDEX docs_sizes ON docs USING gin (sizes);
INSERT INTO docs SELECT n, '{"a": [1]}', 'x,y', ARRAY[n] FROM generate_series(1, 300) n;
