CREATE TABLE t (id integer PRIMARY KEY, amount integer NOT NULL, note text);
INSERT INTO t SELECT n, n, 'n' FROM generate_series(1, 200) n;
CREATE VIEW sums AS SELECT note, sum(amount) AS total FROM t GROUP BY note;
CREATE VIEW gone AS SELECT note FROM t;
