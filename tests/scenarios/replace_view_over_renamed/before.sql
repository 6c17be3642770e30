CREATE TABLE "Kunden" (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (id integer PRIMARY KEY, kunde integer REFERENCES "Kunden", status integer NOT NULL);
INSERT INTO "Kunden" SELECT n, 'k' || n FROM generate_series(1, 50) n;
INSERT INTO orders SELECT n, 1 + n % 50, n % 4 FROM generate_series(1, 200) n;
CREATE VIEW open_orders AS SELECT o.id, o.status, k.name FROM orders o JOIN "Kunden" k ON k.id = o.kunde WHERE status < 2;
CREATE VIEW names AS SELECT name, count(*) AS many FROM open_orders GROUP BY name;
