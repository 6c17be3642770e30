CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, loud text NOT NULL);
INSERT INTO users SELECT n, 'user ' || n, 'USER ' || n FROM generate_series(1, 100) n;
