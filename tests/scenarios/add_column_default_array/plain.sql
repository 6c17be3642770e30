ALTER TABLE t ADD tags text[] NOT NULL DEFAULT '{}', ADD data jsonb NOT NULL DEFAULT '{"a": [1]}'::jsonb;
