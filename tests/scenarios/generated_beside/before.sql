CREATE TABLE goods (id bigint PRIMARY KEY, net numeric NOT NULL, name text, gross numeric GENERATED ALWAYS AS (net * 2) STORED);
CREATE INDEX goods_gross ON goods (gross);
INSERT INTO goods SELECT n, n, 'g' FROM generate_series(1, 300) n;
