CREATE UNLOGGED TABLE t (id bigint PRIMARY KEY, a text, b text) WITH (fillfactor = 70, autovacuum_enabled = false, toast.autovacuum_enabled = false);
INSERT INTO t SELECT n, 'a' || n FROM generate_series(1, 100) n;
