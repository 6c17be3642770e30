CREATE TABLE t (a integer, b text);
INSERT INTO t SELECT n % 3, 'same' FROM generate_series(1, 300) n;
