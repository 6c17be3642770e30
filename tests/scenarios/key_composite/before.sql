CREATE TABLE lines (doc integer, line smallint, body text, PRIMARY KEY (doc, line));
CREATE TABLE notes (id bigint PRIMARY KEY, doc integer, line smallint, CONSTRAINT of_line FOREIGN KEY (doc, line) REFERENCES lines ON DELETE CASCADE);
INSERT INTO lines SELECT n / 10, n % 10, 'b' || n FROM generate_series(1, 500) n;
INSERT INTO notes SELECT n, n / 10, n % 10 FROM generate_series(1, 500, 7) n;
