CREATE TABLE t (id bigint PRIMARY KEY, a integer, b integer);
CREATE INDEX one ON t (a);
CREATE UNIQUE INDEX two ON t (b, id);
CREATE INDEX three ON t USING gin ((ARRAY[a, b]));
INSERT INTO t SELECT n, n, n FROM generate_series(1, 60) n;
