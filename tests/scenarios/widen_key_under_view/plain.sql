DROP VIEW pairs;
ALTER TABLE t ALTER id TYPE bigint;
ALTER SEQUENCE t_id_seq AS bigint;
ALTER TABLE child ALTER t TYPE bigint;
CREATE VIEW pairs AS SELECT t.id AS parent, child.id AS child FROM t JOIN child ON child.t = t.id;
