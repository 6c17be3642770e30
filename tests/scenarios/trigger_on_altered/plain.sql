ALTER TABLE t ALTER doubled TYPE text USING doubled::text;
