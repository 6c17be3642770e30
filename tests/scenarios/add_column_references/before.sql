CREATE TABLE teams (id integer PRIMARY KEY);
CREATE TABLE users (id bigint PRIMARY KEY);
INSERT INTO teams SELECT generate_series(0, 4);
INSERT INTO users SELECT generate_series(1, 200);
