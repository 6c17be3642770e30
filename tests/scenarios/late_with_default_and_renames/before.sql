CREATE TABLE t (id bigint PRIMARY KEY, a varchar(5) NOT NULL DEFAULT 'five');
CREATE TABLE u (id bigint PRIMARY KEY, b varchar(2));
CREATE TABLE w (id bigint PRIMARY KEY, b varchar(9));
INSERT INTO t SELECT n, 'a' FROM generate_series(1, 50) n;
