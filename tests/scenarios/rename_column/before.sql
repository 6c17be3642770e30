CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL DEFAULT 'x' CHECK (name <> ''), age integer);
CREATE INDEX users_name ON users (lower(name)) WHERE name > 'a';
COMMENT ON COLUMN users.name IS 'the name';
GRANT SELECT (name), UPDATE (name) ON users TO app_reader;
INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 100) n;
