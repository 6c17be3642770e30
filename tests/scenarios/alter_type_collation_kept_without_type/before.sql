CREATE TABLE t (id bigint PRIMARY KEY, a text COLLATE "C");
CREATE UNIQUE INDEX by_a ON t (a COLLATE "POSIX");
INSERT INTO t SELECT n, 'a' || n FROM generate_series(1, 60) n;
