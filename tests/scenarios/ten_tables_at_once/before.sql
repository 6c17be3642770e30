DO $$BEGIN FOR i IN 0..9 LOOP EXECUTE format('CREATE TABLE t%s (id bigint PRIMARY KEY, a integer); INSERT INTO t%1$s SELECT n, n FROM generate_series(1, 20) n', i); END LOOP; END$$;
