CREATE TYPE mood AS ENUM ('sad', 'gone', 'lost', 'ok');
CREATE TABLE t (id bigint PRIMARY KEY, feels mood NOT NULL DEFAULT 'gone', note text);
CREATE TABLE unused (id bigint);
INSERT INTO t SELECT n, (ARRAY['sad', 'gone', 'lost', 'ok'])[n % 4 + 1]::mood FROM generate_series(1, 400) n;
