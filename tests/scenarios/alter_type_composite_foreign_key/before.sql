CREATE TABLE p (a integer, b text, PRIMARY KEY (a, b));
CREATE TABLE items (id bigint PRIMARY KEY, x integer, y varchar(5) DEFAULT 'b',
  CONSTRAINT to_p FOREIGN KEY (y, x) REFERENCES p (b, a) MATCH FULL ON UPDATE CASCADE ON DELETE SET NULL DEFERRABLE);
INSERT INTO p SELECT n, 'b' FROM generate_series(1, 20) n;
INSERT INTO items SELECT n, n % 20 + 1 FROM generate_series(1, 200) n;
