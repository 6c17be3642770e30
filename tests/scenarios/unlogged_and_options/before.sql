CREATE UNLOGGED TABLE t (id bigint PRIMARY KEY WITH (fillfactor = 70), a text NOT NULL, b integer) WITH (fillfactor = 60, autovacuum_enabled = false);
ALTER TABLE t REPLICA IDENTITY FULL;
ALTER TABLE t CLUSTER ON t_pkey;
CREATE RULE no_delete AS ON DELETE TO t WHERE OLD.id < 5 DO INSTEAD NOTHING;
GRANT SELECT ON t TO PUBLIC;
INSERT INTO t SELECT n, 'a', n FROM generate_series(1, 300) n;
