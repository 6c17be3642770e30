CREATE FUNCTION lower(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'mine'$$;
CREATE SCHEMA other;
CREATE FUNCTION other.upper(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'never'$$;
CREATE TABLE t (id bigint PRIMARY KEY, a text);
INSERT INTO t SELECT n, 'Word' FROM generate_series(1, 50) n;
