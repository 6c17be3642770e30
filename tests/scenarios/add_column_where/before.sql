CREATE TABLE orders (id bigint PRIMARY KEY, state text NOT NULL, note text, paid numeric);
INSERT INTO orders SELECT n, CASE WHEN n % 10 = 0 THEN 'open' ELSE 'done' END, NULL, n FROM generate_series(1, 600) n;
