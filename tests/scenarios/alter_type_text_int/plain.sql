ALTER TABLE t ALTER v TYPE integer USING CASE WHEN v ~ '^[0-9]+$' THEN v::integer END;
