CREATE TABLE t (id integer PRIMARY KEY, "A b" integer, n integer, gone text);
CREATE TABLE p (id integer, part integer, n integer, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
CREATE TABLE p1 PARTITION OF p DEFAULT;
CREATE PUBLICATION "Some" FOR TABLE t (id, "A b") WITH (publish = 'insert, update');
CREATE PUBLICATION whole FOR TABLE p (id, part, n) WITH (publish_via_partition_root = true);
CREATE PUBLICATION few FOR TABLE t (id, n) WHERE (id > 0);
CREATE PUBLICATION filtered FOR TABLE t (id, n) WHERE ("A b" IS NULL AND id > 0) WITH (publish = 'insert');
INSERT INTO t SELECT n, n, n FROM generate_series(1, 300) n;
INSERT INTO p SELECT n, n % 3, n FROM generate_series(1, 300) n;
