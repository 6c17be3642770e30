CREATE TABLE t (id bigint PRIMARY KEY, a integer, b text);
CREATE VIEW v AS SELECT id, b FROM t WHERE b <> '';
CREATE TABLE shadow (id bigint);
CREATE RULE r AS ON DELETE TO v DO INSTEAD INSERT INTO shadow VALUES (OLD.id);
CREATE MATERIALIZED VIEW m AS SELECT count(b) FROM t;
INSERT INTO t SELECT n, n, 'b' FROM generate_series(1, 50) n;
