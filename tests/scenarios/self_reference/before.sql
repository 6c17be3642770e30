CREATE TABLE staff (id bigint PRIMARY KEY, boss bigint CONSTRAINT reports_to REFERENCES staff (id) ON DELETE SET NULL, name text);
CREATE INDEX staff_boss ON staff (boss);
INSERT INTO staff SELECT n, nullif(n / 10, 0), 's' FROM generate_series(1, 300) n;
