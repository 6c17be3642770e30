CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE posts (id bigint PRIMARY KEY, author bigint REFERENCES users (id));
INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 50) n;
INSERT INTO posts SELECT n, n FROM generate_series(1, 50) n;
