CREATE TABLE t (id bigint PRIMARY KEY);
DO $$BEGIN EXECUTE (SELECT 'ALTER TABLE t ' || string_agg('ADD c' || n || ' smallint', ', ') FROM generate_series(1, 1499) n); END$$;
INSERT INTO t (id, c1, c1499) SELECT n, n, n FROM generate_series(1, 50) n;
