ALTER TABLE t ADD n integer CONSTRAINT n_small CHECK (n < 10) NO INHERIT;
UPDATE t SET n = id % 10;
