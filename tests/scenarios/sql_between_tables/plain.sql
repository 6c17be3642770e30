CREATE TABLE kinds (code text PRIMARY KEY);
CREATE TABLE uses (kind text NOT NULL CONSTRAINT uses_kind REFERENCES kinds (code), note text);
INSERT INTO kinds VALUES ('a'), ('b');
INSERT INTO uses VALUES ('a', 'first'), ('b', 'first');
ALTER TABLE t ADD kind text NOT NULL DEFAULT 'a';
