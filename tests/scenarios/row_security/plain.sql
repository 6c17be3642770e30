ALTER TABLE t ADD size integer;
UPDATE t SET size = length(body);
ALTER TABLE t RENAME owner TO holder;
