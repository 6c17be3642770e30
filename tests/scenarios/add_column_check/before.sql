CREATE TABLE goods (id bigint PRIMARY KEY, net numeric(10,2) NOT NULL);
INSERT INTO goods SELECT n, n FROM generate_series(1, 200) n;
