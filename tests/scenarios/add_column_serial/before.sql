CREATE TABLE users (id bigint PRIMARY KEY, name text);
INSERT INTO users SELECT n, 'n' FROM generate_series(1, 200) n;
