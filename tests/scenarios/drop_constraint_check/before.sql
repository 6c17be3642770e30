CREATE TABLE t (id bigint PRIMARY KEY, age integer NOT NULL DEFAULT 1 CONSTRAINT grown CHECK (age > 0), CONSTRAINT old CHECK (age < 1000));
CREATE INDEX t_age ON t (age DESC);
INSERT INTO t SELECT n, n FROM generate_series(1, 300) n;
