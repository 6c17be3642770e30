DROP PUBLICATION few;
DROP PUBLICATION whole;
DROP PUBLICATION filtered;
ALTER TABLE t ALTER "A b" SET NOT NULL, ALTER n TYPE text;
ALTER TABLE t RENAME n TO number;
ALTER TABLE p ALTER n TYPE bigint;
CREATE PUBLICATION whole FOR TABLE p (id, part, n) WITH (publish_via_partition_root = true);
CREATE PUBLICATION few FOR TABLE t (id, number) WHERE (id > 0);
CREATE PUBLICATION filtered FOR TABLE t (id, number) WHERE ("A b" IS NULL AND id > 0) WITH (publish = 'insert');
