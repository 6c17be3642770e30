CREATE TABLE lines (doc integer, line smallint, body text, PRIMARY KEY (doc, line));
CREATE UNIQUE INDEX replica ON lines (line, doc);
ALTER TABLE lines REPLICA IDENTITY USING INDEX replica;
INSERT INTO lines SELECT n / 10, n % 10, 'b' || n FROM generate_series(1, 500) n;
