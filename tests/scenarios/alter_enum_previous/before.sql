CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE t (id bigint PRIMARY KEY, feels mood);
CREATE TABLE u (id bigint PRIMARY KEY, feels mood);
INSERT INTO t SELECT n, 'ok' FROM generate_series(1, 200) n;
INSERT INTO u VALUES (1, 'ok');
