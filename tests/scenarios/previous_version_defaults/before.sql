CREATE TABLE t (id bigint PRIMARY KEY, kind text NOT NULL DEFAULT 'a', gone text NOT NULL DEFAULT 'g');
INSERT INTO t SELECT n FROM generate_series(1, 100) n;
