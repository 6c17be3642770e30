CREATE TYPE mood AS ENUM ('sad', 'gone', 'ok');
CREATE TYPE size AS ENUM ('small', 'large');
CREATE TABLE t (id bigint PRIMARY KEY, feels mood, was mood, would mood, size size);
INSERT INTO t SELECT n, (ARRAY['sad', 'ok', 'gone', NULL])[n % 4 + 1]::mood, 'ok', 'sad', 'large' FROM generate_series(1, 300) n;
