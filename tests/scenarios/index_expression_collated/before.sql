CREATE TABLE t (id bigint PRIMARY KEY, a varchar(30) COLLATE "C", b text COLLATE "C");
CREATE INDEX lowered ON t (lower(a), (a || '!') COLLATE "POSIX", a COLLATE "POSIX");
CREATE INDEX kept ON t (lower(b), (b || '!') COLLATE "POSIX");
INSERT INTO t SELECT n, 'A' || n, 'B' || n FROM generate_series(1, 200) n;
