CREATE TABLE cities (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE users (id bigint PRIMARY KEY, city_id integer REFERENCES cities (id));
INSERT INTO cities SELECT n, 'city ' || n FROM generate_series(0, 9) n;
INSERT INTO users SELECT n, n % 10 FROM generate_series(1, 200) n;
