CREATE TABLE offices (of_country text, of_city text, PRIMARY KEY (of_country, of_city));
CREATE TABLE t (id bigint PRIMARY KEY, country text, city text, note text DEFAULT 'none');
INSERT INTO offices VALUES ('de', 'Ulm'), ('fr', 'Lyon');
INSERT INTO t SELECT n, 'de', CASE WHEN n % 2 = 0 THEN 'Ulm' ELSE 'Nowhere' END FROM generate_series(1, 300) n;
