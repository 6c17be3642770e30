CREATE TABLE teams (a integer, b text, PRIMARY KEY (a, b));
INSERT INTO teams VALUES (1, 'x'), (2, 'y');
CREATE TABLE events (id bigint PRIMARY KEY, label varchar(50), note text, a integer DEFAULT 1, b text DEFAULT 'x');
INSERT INTO events SELECT n, CASE WHEN n % 3 > 0 THEN 'event ' || n END, n FROM generate_series(1, 300) n;
