ALTER TABLE t ALTER r TYPE double precision, ALTER n TYPE integer USING round(n)::int, ALTER c TYPE varchar(8) USING trim(c), ALTER b TYPE bit varying(8);
