ALTER TABLE t ALTER a TYPE bigint, ALTER "ünïcödé éééééééééééééééééééééé_" TYPE bigint;
ALTER TABLE t RENAME a TO b;
