ALTER TABLE t ALTER price TYPE integer USING trunc(price)::integer;
