CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TYPE feeling AS ENUM ('ok', 'sad', 'glad');
CREATE TABLE people (id bigint PRIMARY KEY, code text NOT NULL, size varchar(10), feels text NOT NULL, was mood);
INSERT INTO people SELECT n, md5(n::text), ' ' || n, CASE WHEN n % 2 = 0 THEN 'sad' ELSE 'ok' END, 'ok' FROM generate_series(1, 300) n;
