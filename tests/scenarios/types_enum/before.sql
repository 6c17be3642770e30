CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE people (id bigint PRIMARY KEY, feels text NOT NULL DEFAULT 'ok', was mood DEFAULT 'sad');
INSERT INTO people SELECT n, CASE WHEN n % 2 = 0 THEN 'sad' ELSE 'ok' END FROM generate_series(1, 300) n;
