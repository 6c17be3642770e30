CREATE TABLE users (id bigint PRIMARY KEY, name text);
CREATE INDEX users_name ON users (name);
CREATE UNIQUE INDEX "Users upper" ON users (upper(name)) WHERE id > 5;
INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 100) n;
