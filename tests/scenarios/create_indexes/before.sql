CREATE EXTENSION pg_trgm;
CREATE TABLE docs (id bigint PRIMARY KEY, title text, body jsonb, tags text[], at integer);
INSERT INTO docs SELECT n, 'title ' || n, '{"a": 1}', '{x,y}', n FROM generate_series(1, 100) n;
