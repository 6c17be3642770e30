CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE t (id bigint PRIMARY KEY, feels mood NOT NULL, note text);
INSERT INTO t SELECT n, CASE n % 2 WHEN 0 THEN 'sad' ELSE 'ok' END::mood FROM generate_series(1, 300) n;
