CREATE TABLE t (id bigint PRIMARY KEY, a integer, _segue_new_a text, _segue_pending boolean);
INSERT INTO t SELECT n, n, 'mine', true FROM generate_series(1, 50) n;
