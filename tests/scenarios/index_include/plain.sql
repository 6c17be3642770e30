ALTER TABLE t ADD d text;
UPDATE t SET d = b || c;
CREATE UNIQUE INDEX covering ON t (id, a) INCLUDE (b, d) WITH (fillfactor = 60);
