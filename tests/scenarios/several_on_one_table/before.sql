CREATE TABLE users (id bigint PRIMARY KEY, first_name text NOT NULL, last_name text NOT NULL, age text, junk text);
CREATE INDEX users_junk ON users (junk);
INSERT INTO users SELECT n, 'f' || n, 'l' || n, n::text, 'j' FROM generate_series(1, 1000) n;
