ALTER TYPE "Mood" RENAME TO old;
CREATE TYPE "Mood" AS ENUM ('ok', 'sad', 'new');
DROP INDEX by_felt;
ALTER TABLE t ALTER felt DROP DEFAULT;
ALTER TABLE t ALTER felt TYPE "Mood"[] USING replace(replace(replace(replace(felt::text, 'gone', 'sad'), 'ok', 'x'), 'sad', 'ok'), 'x', 'sad')::"Mood"[];
ALTER TABLE t ALTER felt SET DEFAULT '{sad,ok}';
ALTER TABLE t ALTER last TYPE "Mood" USING CASE last WHEN 'ok' THEN 'sad' WHEN 'sad' THEN 'ok' END::"Mood";
CREATE INDEX by_felt ON t USING gin (felt) WHERE felt <> '{ok,ok}'::"Mood"[];
DROP TYPE old;
