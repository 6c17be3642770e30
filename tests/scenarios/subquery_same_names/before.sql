CREATE TABLE offices (country text PRIMARY KEY, region text NOT NULL, town text NOT NULL);
INSERT INTO offices SELECT 'c' || n, 'r' || n % 3, 'town ' || n FROM generate_series(0, 9) n;
CREATE TABLE t (id bigint PRIMARY KEY, country text NOT NULL, town text);
INSERT INTO t SELECT n, 'c' || n % 10, NULL FROM generate_series(1, 300) n;
