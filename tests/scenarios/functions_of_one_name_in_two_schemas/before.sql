CREATE FUNCTION said(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'ours ' || $1$$;
CREATE SCHEMA other;
CREATE FUNCTION other.said(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'theirs'$$;
CREATE TABLE t (id bigint PRIMARY KEY, a text);
INSERT INTO t SELECT n, 'Word' FROM generate_series(1, 50) n;
