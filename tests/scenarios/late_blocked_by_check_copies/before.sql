CREATE TABLE t (id bigint PRIMARY KEY, a varchar(5) CONSTRAINT not_x CHECK (a <> 'x'), b varchar(5));
CREATE INDEX b_some ON t (b) WHERE b <> '';
INSERT INTO t SELECT n, 'a', 'b' FROM generate_series(1, 50) n;
