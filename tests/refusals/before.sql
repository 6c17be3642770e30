CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TABLE teams (id integer PRIMARY KEY, name text UNIQUE, motto text);
CREATE TABLE users (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    age integer CONSTRAINT adult CHECK (age > 17),
    team integer CONSTRAINT of_team REFERENCES teams (id),
    mail text,
    doubled integer GENERATED ALWAYS AS (age * 2) STORED);
CREATE INDEX users_name ON users (name);
CREATE STATISTICS users_stats ON mail, team FROM users;
CREATE VIEW names AS SELECT id, name FROM users;
CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS people FROM users;
CREATE TABLE parts (id bigint, at integer, v integer) PARTITION BY RANGE (at);
CREATE TABLE parts1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE animals (id bigint, legs integer);
CREATE TABLE birds (wings integer) INHERITS (animals);
CREATE TABLE spare (id bigint, size integer CONSTRAINT size_positive CHECK (size > 0));
CREATE SCHEMA public_taken;
INSERT INTO teams VALUES (1, 'one', 'first');
INSERT INTO users SELECT n, 'user ' || n, n + 20, 1, 'mail' FROM generate_series(1, 20) n;
INSERT INTO parts SELECT n, n, n FROM generate_series(1, 9) n;
CREATE TABLE posts (id bigint PRIMARY KEY, text text);
CREATE PUBLICATION news FOR TABLE posts;
CREATE TABLE people (id bigint PRIMARY KEY, age integer CONSTRAINT adult CHECK (age > 17), team integer);
CREATE TABLE visits (id bigint PRIMARY KEY, a integer, b integer, place text, CONSTRAINT visits_once UNIQUE (a, b));
CREATE TABLE slogans (id bigint PRIMARY KEY, text text UNIQUE);
CREATE TABLE banners (id bigint PRIMARY KEY, slogan text CONSTRAINT of_motto REFERENCES slogans (text));
CREATE TABLE ledger (a integer, b integer, name text, PRIMARY KEY (a, b), CONSTRAINT ledger_a UNIQUE (a));
CREATE VIEW ledger_names AS SELECT b, name FROM ledger;
CREATE TABLE pages (id bigint, a integer CONSTRAINT of_ledger REFERENCES ledger (a)) PARTITION BY RANGE (id);
CREATE TABLE notes (id bigint PRIMARY KEY, stars text DEFAULT '0'::text);
CREATE FUNCTION twice(a integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT a * 2';
CREATE FUNCTION many(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION many(text) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE VIEW shouted AS SELECT upper(name) AS name FROM names;
CREATE VIEW counts AS SELECT twice(1) AS n;
CREATE TRIGGER count_up INSTEAD OF INSERT ON counts FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE MATERIALIZED VIEW counted AS SELECT n FROM counts;
