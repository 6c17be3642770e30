CREATE TYPE feel AS ENUM ('low', 'high');
CREATE FUNCTION feel_of(text) RETURNS feel LANGUAGE sql IMMUTABLE
  AS $$SELECT CASE WHEN length($1) > 6 THEN 'high' ELSE 'low' END::public.feel$$;
ALTER TABLE t ADD feel feel;
UPDATE t SET feel = feel_of(word);
ALTER TABLE t ALTER feel SET NOT NULL;
