ALTER TABLE t ALTER a TYPE varchar(9) USING left(a, 9);
CREATE INDEX by_a ON t (a) WITH (fillfactor = 50, deduplicate_items = off);
