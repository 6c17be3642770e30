CREATE TABLE users (id bigint PRIMARY KEY, first_name text, last_name text);
INSERT INTO users SELECT n, 'first ' || n, 'last ' || n FROM generate_series(1, 500) n;
