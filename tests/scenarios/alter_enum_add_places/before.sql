CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE t (id bigint PRIMARY KEY, feels mood[]);
