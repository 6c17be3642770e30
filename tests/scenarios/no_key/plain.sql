ALTER TABLE events ALTER what TYPE varchar(20) USING coalesce(what, '?'), ALTER what SET NOT NULL;
