DROP VIEW names, open_orders;
ALTER TABLE orders ALTER status TYPE text USING 's' || status;
ALTER TABLE "Kunden" RENAME TO customers;
ALTER TABLE customers RENAME name TO title;
CREATE VIEW open_orders (id, status, name) AS SELECT o.id, o.status, k.title FROM orders o JOIN customers k ON k.id = o.kunde WHERE status < 's2';
CREATE VIEW names AS SELECT name, count(*) AS many FROM open_orders GROUP BY name;
