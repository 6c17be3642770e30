CREATE TABLE visits (id uuid PRIMARY KEY, n bigint NOT NULL, page text NOT NULL);
CREATE UNIQUE INDEX visits_once ON visits (page, id) INCLUDE (n);
INSERT INTO visits SELECT md5(n::text)::uuid, n, 'p' || n % 9 FROM generate_series(1, 4000) n;
