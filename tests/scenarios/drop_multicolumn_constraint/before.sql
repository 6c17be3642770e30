CREATE TABLE offices (country text, city text, PRIMARY KEY (country, city));
INSERT INTO offices VALUES ('de', 'Ulm'), ('fr', 'Lyon');
CREATE TABLE t (id bigint PRIMARY KEY, low integer, high integer, country text, city text DEFAULT 'Ulm',
    CONSTRAINT in_order CHECK (low < high), CONSTRAINT at_office FOREIGN KEY (country, city) REFERENCES offices ON DELETE CASCADE);
INSERT INTO t SELECT n, n, n + 1, 'de', 'Ulm' FROM generate_series(1, 300) n;
