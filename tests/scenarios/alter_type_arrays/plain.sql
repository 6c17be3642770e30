ALTER TABLE t ALTER tag TYPE text[] USING ARRAY[tag], ALTER list TYPE bigint[];
ALTER TABLE t RENAME tag TO tags;
