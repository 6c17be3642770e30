CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text, kind text NOT NULL DEFAULT 'a');
INSERT INTO users SELECT n, 'user ' || n, n FROM generate_series(1, 100) n;
