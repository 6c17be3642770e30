ALTER TABLE t ALTER code TYPE integer USING code::integer;
