CREATE TABLE users (id bigint PRIMARY KEY, name text);
INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 100) n;
