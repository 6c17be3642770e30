CREATE TABLE users (id bigint PRIMARY KEY, age text);
INSERT INTO users SELECT n, n::text FROM generate_series(1, 300) n;
