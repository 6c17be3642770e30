ALTER TABLE t ALTER total TYPE bigint USING (price * qty * 100)::bigint;
