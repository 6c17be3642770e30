CREATE TABLE t (id bigint PRIMARY KEY, a integer, "ünïcödé éééééééééééééééééééééé_" integer);
CREATE INDEX twice ON t (a NULLS FIRST, a DESC, id, (a + 1), a);
CREATE UNIQUE INDEX "long" ON t ("ünïcödé éééééééééééééééééééééé_", "ünïcödé éééééééééééééééééééééé_" DESC, id);
INSERT INTO t SELECT n, n, n FROM generate_series(1, 200) n;
