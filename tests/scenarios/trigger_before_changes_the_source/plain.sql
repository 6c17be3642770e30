ALTER TABLE t ADD domain text;
UPDATE t SET domain = split_part(mail, '@', 2);
