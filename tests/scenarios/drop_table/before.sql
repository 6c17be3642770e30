CREATE TABLE old_orders (id bigint PRIMARY KEY, what text);
CREATE INDEX old_orders_what ON old_orders (what);
CREATE TABLE kept (id bigint PRIMARY KEY);
INSERT INTO old_orders SELECT n, 'thing ' || n FROM generate_series(1, 100) n;
