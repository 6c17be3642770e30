CREATE SEQUENCE numbers AS integer START 1000000;
CREATE TABLE parties (id integer PRIMARY KEY DEFAULT nextval('numbers'), name text);
CREATE TABLE persons (id integer PRIMARY KEY REFERENCES parties (id) ON DELETE CASCADE, born date);
CREATE TABLE pets (id bigint PRIMARY KEY, owner integer REFERENCES persons (id) ON DELETE CASCADE, second integer REFERENCES parties ON DELETE CASCADE);
INSERT INTO parties SELECT n, 'p' FROM generate_series(1, 200) n;
INSERT INTO persons SELECT n, '2000-01-01' FROM generate_series(1, 100) n;
INSERT INTO pets SELECT n, n, n + 100 FROM generate_series(1, 100) n;
