CREATE TABLE t (id bigint PRIMARY KEY, shop integer, number integer, note text, CONSTRAINT "One a shop" UNIQUE (shop, number) INCLUDE (note));
INSERT INTO t SELECT n, 1, n, 'x' FROM generate_series(1, 300) n;
