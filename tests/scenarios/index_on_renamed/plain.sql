ALTER TABLE t RENAME TO things;
ALTER TABLE things RENAME a TO size;
CREATE UNIQUE INDEX by_size ON things (size, id DESC) WHERE size IS NOT NULL;
DROP INDEX gone;
