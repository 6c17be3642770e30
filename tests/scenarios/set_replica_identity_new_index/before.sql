CREATE TABLE a (id bigint PRIMARY KEY, v integer);
CREATE TABLE b (id bigint PRIMARY KEY, v integer NOT NULL CONSTRAINT b_v UNIQUE);
ALTER TABLE b REPLICA IDENTITY USING INDEX b_v;
INSERT INTO a SELECT n, n FROM generate_series(1, 100) n;
INSERT INTO b SELECT n, n FROM generate_series(1, 100) n;
