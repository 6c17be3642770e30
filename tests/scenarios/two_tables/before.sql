CREATE TABLE a (id integer PRIMARY KEY, code text);
CREATE TABLE b (id bigint PRIMARY KEY, a_id integer NOT NULL);
CREATE TABLE c (id bigint PRIMARY KEY, note text);
INSERT INTO a SELECT n, 'c' || n FROM generate_series(1, 100) n;
INSERT INTO b SELECT n, n % 50 + 1 FROM generate_series(1, 500) n;
