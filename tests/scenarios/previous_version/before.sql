CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, age integer);
CREATE TABLE posts (id bigint PRIMARY KEY, author bigint REFERENCES users (id) ON DELETE SET NULL);
INSERT INTO users SELECT n, 'first last', n FROM generate_series(1, 300) n;
INSERT INTO posts SELECT n, n FROM generate_series(1, 300) n;
