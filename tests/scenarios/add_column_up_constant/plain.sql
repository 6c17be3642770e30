ALTER TABLE t ADD origin text, ADD kind varchar(9), ADD amount numeric DEFAULT 0 NOT NULL, ADD note text;
UPDATE t SET origin = 'before', kind = 'old';
ALTER TABLE t ALTER kind SET NOT NULL, ALTER kind SET DEFAULT 'new', ALTER note SET DEFAULT '-';
