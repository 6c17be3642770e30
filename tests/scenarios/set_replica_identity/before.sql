CREATE TABLE a (id bigint PRIMARY KEY, v integer);
CREATE TABLE b (id bigint PRIMARY KEY, v integer NOT NULL);
CREATE UNIQUE INDEX b_v ON b (v);
CREATE TABLE c (id bigint PRIMARY KEY, v integer);
ALTER TABLE c REPLICA IDENTITY FULL;
CREATE TABLE d (id bigint PRIMARY KEY, v integer);
INSERT INTO a SELECT n, n FROM generate_series(1, 100) n;
INSERT INTO b SELECT n, n FROM generate_series(1, 100) n;
CREATE PUBLICATION all_of_it FOR TABLE a, b, c;
