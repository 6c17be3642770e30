CREATE TABLE users (id bigint PRIMARY KEY, a integer, b integer, c integer CHECK (c > 0), CONSTRAINT a_b UNIQUE (a, b));
CREATE INDEX on_a ON users (a);
CREATE INDEX on_b_where_a ON users (b) WHERE a > 5;
CREATE INDEX on_b ON users (b);
CREATE INDEX on_c ON users ((c + a));
INSERT INTO users SELECT n, n, n, n FROM generate_series(1, 100) n;
