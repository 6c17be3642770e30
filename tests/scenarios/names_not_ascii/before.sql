CREATE TABLE größen (id bigint PRIMARY KEY, "naïve" text, 数 integer);
INSERT INTO größen SELECT n, 'ü', n FROM generate_series(1, 100) n;
