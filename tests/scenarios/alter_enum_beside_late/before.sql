CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE t (id bigint PRIMARY KEY, feels mood, note varchar(20));
CREATE TABLE gone (id bigint PRIMARY KEY, feels mood);
INSERT INTO t SELECT n, 'ok', 'n' FROM generate_series(1, 200) n;
