CREATE TABLE t (id bigint PRIMARY KEY, a varchar(3), b bit varying(4), c time(0), d timestamptz(3), e interval(0), f cidr, g numeric(5,1), h text);
INSERT INTO t SELECT n, 'a', '101', '10:11', now(), '1 day', '10.0.0.0/8', 1.5, 'h' FROM generate_series(1, 50) n;
