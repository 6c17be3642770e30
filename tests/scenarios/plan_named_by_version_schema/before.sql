CREATE TABLE plan (id bigint PRIMARY KEY, public text, segue integer);
INSERT INTO plan SELECT n, 'p', n FROM generate_series(1, 60) n;
