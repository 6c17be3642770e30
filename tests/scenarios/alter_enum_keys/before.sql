CREATE TYPE kind AS ENUM ('a', 'b', 'c');
CREATE TABLE kinds (kind kind PRIMARY KEY, label text);
INSERT INTO kinds VALUES ('a', 'A'), ('b', 'B'), ('c', 'C');
CREATE TABLE things (id bigint PRIMARY KEY, kind kind NOT NULL CONSTRAINT of_kind REFERENCES kinds ON UPDATE CASCADE);
CREATE TABLE parts (thing bigint, kind kind, was kind[], PRIMARY KEY (thing, kind));
ALTER TABLE parts ADD CONSTRAINT of_kind FOREIGN KEY (kind) REFERENCES kinds (kind) ON DELETE CASCADE DEFERRABLE;
CREATE TABLE apart (id bigint PRIMARY KEY, n integer);
INSERT INTO things SELECT n, (ARRAY['a', 'b', 'c'])[n % 3 + 1]::kind FROM generate_series(1, 300) n;
INSERT INTO parts SELECT n, (ARRAY['a', 'b', 'c'])[n % 3 + 1]::kind, '{a,b}' FROM generate_series(1, 300) n;
