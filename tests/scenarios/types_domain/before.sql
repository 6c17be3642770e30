CREATE DOMAIN email AS text;
CREATE DOMAIN positive AS integer DEFAULT 1 NOT NULL CHECK (VALUE > 0);
CREATE TABLE people (id bigint PRIMARY KEY, address text, size positive);
INSERT INTO people SELECT n, 'a@b', n FROM generate_series(1, 300) n;
