ALTER TABLE t ALTER a TYPE bigint USING coalesce(a::integer, 0) * 10, ALTER a SET NOT NULL;
