ALTER TABLE t ADD b bytea, ADD r int4range, ADD i interval, ADD x xml, ADD c character(4);
UPDATE t SET b = convert_to(a, 'UTF8'), r = int4range(0, id::int), i = id * interval '1 day', x = xmlelement(name a, a), c = left(a, 4);
